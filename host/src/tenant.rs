//! Tenants: the owners of checks, and the resources that the checks of each use together.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::outcome::Usage;
use crate::turns::Turns;
use crate::turns::lane::Lane;
use crate::util::microseconds;
use crate::util::weak_map::WeakMap;

/// The owner of checks, made by [`Host::tenant`](crate::Host::tenant) and given to
/// [`CheckConfig::tenant`](crate::CheckConfig::tenant).
///
/// A clone is the same tenant. The host forgets a tenant, with its counts, once its last handle and its last check are
/// dropped.
#[derive(Clone)]
pub struct Tenant(Arc<Inner>);

struct Inner {
    /// `None` for the owner of all checks without a tenant.
    name: Option<String>,
    /// The registry of the host that made the tenant. It distinguishes tenants of different hosts.
    registry: Weak<Registry>,
    turns: Arc<Turns>,
    lane: Arc<Lane>,
    checks: AtomicI64,
    settings_bytes: AtomicI64,
    instances: AtomicI64,
    memory_bytes: AtomicI64,
    evaluations: AtomicU64,
    fuel: AtomicU64,
    cpu_nanoseconds: AtomicU64,
}

/// The resources of one tenant: those that it holds now, and those that it has used so far. In JSON, the processor time
/// is `cpu_time_us`, in whole microseconds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TenantUsage {
    /// The name of the tenant, or `None` for all checks without a tenant.
    pub tenant: Option<String>,
    /// The number of its checks.
    pub checks: u64,
    /// The settings of its checks, in bytes.
    pub settings_bytes: u64,
    /// The number of its live instances.
    pub instances: u64,
    /// The linear memory of its live instances, in bytes.
    pub memory_bytes: u64,
    /// The number of its evaluations so far.
    pub evaluations: u64,
    /// The fuel of all its evaluations.
    pub fuel: u64,
    /// The processor time of all its evaluations.
    #[serde(rename = "cpu_time_us", serialize_with = "microseconds::serialize")]
    pub cpu_time: Duration,
}

impl Tenant {
    /// The name of the tenant.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or_default()
    }

    /// The resources that the checks of the tenant use together.
    #[must_use]
    pub fn usage(&self) -> TenantUsage {
        self.0.usage()
    }

    /// The weight of the tenant, from 1 to 1,000: when tenants want more processor time than there is, each gets its
    /// share by weight. Default: 16.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.0.lane.weight()
    }

    /// Sets the [weight](Self::weight). A number below 1 means 1, and one over 1,000 means 1,000.
    pub fn set_weight(&self, weight: u32) {
        self.0.lane.set_weight(weight);
    }

    /// The turns of the host.
    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    /// The tenant's share of the turns.
    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.0.lane
    }

    /// Charges the tenant for processor time that it used without a turn.
    pub(crate) fn charge(&self, cpu_time: Duration) {
        if self.0.turns.is_shared() {
            self.0.lane.charge(microseconds::nanoseconds(cpu_time));
        }
    }

    /// Adds the usage of one evaluation.
    pub(crate) fn add_evaluation(&self, usage: &Usage) {
        self.0.evaluations.fetch_add(1, Ordering::Relaxed);
        self.0.fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        let nanoseconds = u64::try_from(usage.cpu_time.as_nanos()).unwrap_or(u64::MAX);
        self.0.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.0.name).finish()
    }
}

/// Two handles are equal if they are handles of the same tenant of the same host.
impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tenant {}

impl Inner {
    fn usage(&self) -> TenantUsage {
        let level = |count: &AtomicI64| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or_default();
        TenantUsage {
            tenant: self.name.clone(),
            checks: level(&self.checks),
            settings_bytes: level(&self.settings_bytes),
            instances: level(&self.instances),
            memory_bytes: level(&self.memory_bytes),
            evaluations: self.evaluations.load(Ordering::Relaxed),
            fuel: self.fuel.load(Ordering::Relaxed),
            cpu_time: Duration::from_nanos(self.cpu_nanoseconds.load(Ordering::Relaxed)),
        }
    }
}

/// The tenants of one host, by name.
pub(crate) struct Tenants {
    registry: Arc<Registry>,
    turns: Arc<Turns>,
}

type Registry = WeakMap<Option<String>, Inner>;

impl Tenants {
    pub(crate) fn new(turns: Arc<Turns>) -> Self {
        Self { registry: Arc::default(), turns }
    }

    /// The tenant of a name; without a name, the one of all checks that have no tenant.
    pub(crate) fn get(&self, name: Option<String>) -> Tenant {
        if name.is_some() {
            self.turns.share();
        }
        Tenant(self.registry.get(&name, || Inner {
            name: name.clone(),
            registry: Arc::downgrade(&self.registry),
            turns: Arc::clone(&self.turns),
            lane: self.turns.lane(),
            checks: AtomicI64::default(),
            settings_bytes: AtomicI64::default(),
            instances: AtomicI64::default(),
            memory_bytes: AtomicI64::default(),
            evaluations: AtomicU64::default(),
            fuel: AtomicU64::default(),
            cpu_nanoseconds: AtomicU64::default(),
        }))
    }

    /// Whether `tenant` was made here, and not by another host.
    pub(crate) fn has(&self, tenant: &Tenant) -> bool {
        std::ptr::eq(tenant.0.registry.as_ptr(), Arc::as_ptr(&self.registry))
    }

    /// The usage of every tenant, ordered by name.
    pub(crate) fn usage(&self) -> Vec<TenantUsage> {
        let mut usage: Vec<_> = self.registry.values().iter().map(|tenant| tenant.usage()).collect();
        usage.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        usage
    }
}

/// A check of a tenant, counted until the membership is dropped.
pub(crate) struct Membership {
    tenant: Tenant,
    settings_bytes: i64,
}

impl Membership {
    pub(crate) fn new(tenant: Tenant, settings_bytes: usize) -> Self {
        let settings_bytes = i64::try_from(settings_bytes).unwrap_or(i64::MAX);
        tenant.0.checks.fetch_add(1, Ordering::Relaxed);
        tenant.0.settings_bytes.fetch_add(settings_bytes, Ordering::Relaxed);
        Self { tenant, settings_bytes }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant's name, or `None` for a check without a tenant.
    pub(crate) fn name(&self) -> Option<&str> {
        self.tenant.0.name.as_deref()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.tenant.0.checks.fetch_sub(1, Ordering::Relaxed);
        self.tenant.0.settings_bytes.fetch_sub(self.settings_bytes, Ordering::Relaxed);
    }
}

/// An instance of a tenant with its memory, counted until the tenancy is dropped.
pub(crate) struct Tenancy {
    tenant: Tenant,
    memory_bytes: i64,
}

impl Tenancy {
    pub(crate) fn new(tenant: Tenant) -> Self {
        tenant.0.instances.fetch_add(1, Ordering::Relaxed);
        Self { tenant, memory_bytes: 0 }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Sets the size of the instance's linear memory.
    pub(crate) fn set_memory(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.tenant.0.memory_bytes.fetch_add(bytes - self.memory_bytes, Ordering::Relaxed);
        self.memory_bytes = bytes;
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.set_memory(0);
        self.tenant.0.instances.fetch_sub(1, Ordering::Relaxed);
    }
}
