//! Tenants: the owners of checks, and the resources that the checks of each use together.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::outcome::Usage;
use crate::tenant::budget::Account;
use crate::tenant::rate::nanoseconds;
use crate::util::microseconds;
use crate::util::weak_map::WeakMap;

mod budget;
mod rate;

pub use budget::TenantBudget;

/// The owner of checks, made by [`Host::tenant`](crate::Host::tenant) and given to
/// [`CheckConfig::tenant`](crate::CheckConfig::tenant).
///
/// A clone is the same tenant. The host forgets a tenant, with its counts, once its last handle and its last check are
/// dropped.
#[derive(Clone)]
pub struct Tenant(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// `None` for the owner of all checks without a tenant.
    name: Option<String>,
    /// The registry of the host that made the tenant. It distinguishes tenants of different hosts.
    registry: Weak<Registry>,
    checks: AtomicI64,
    settings_bytes: AtomicI64,
    instances: AtomicI64,
    memory_bytes: AtomicI64,
    evaluations: AtomicU64,
    fuel: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    over_budget: AtomicU64,
    account: Account,
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
    /// The number of evaluations that were denied because its [budget](Tenant::set_budget) was spent.
    pub over_budget: u64,
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

    /// Sets what its checks may use together, from now on. What they have used before counts.
    pub fn set_budget(&self, budget: TenantBudget) {
        self.0.account.set(budget);
    }

    /// What its checks may use together.
    #[must_use]
    pub fn budget(&self) -> TenantBudget {
        self.0.account.budget()
    }

    /// Takes one evaluation from the budget.
    ///
    /// # Errors
    /// A fault if the budget is spent.
    pub(crate) fn take_evaluation(&self, now: Instant) -> Result<(), Fault> {
        let taken = self.0.account.take_evaluation(now);
        if taken.is_err() {
            self.0.over_budget.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Adds the usage of one evaluation.
    pub(crate) fn add_evaluation(&self, usage: &Usage) {
        self.0.account.charge_cpu_time(usage.cpu_time, Instant::now());
        self.0.evaluations.fetch_add(1, Ordering::Relaxed);
        self.0.fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        self.0.cpu_nanoseconds.fetch_add(nanoseconds(usage.cpu_time), Ordering::Relaxed);
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
            over_budget: self.over_budget.load(Ordering::Relaxed),
        }
    }
}

/// The tenants of one host, by name.
#[derive(Default)]
pub(crate) struct Tenants(Arc<Registry>);

type Registry = WeakMap<Option<String>, Inner>;

impl Tenants {
    /// The tenant of a name; without a name, the one of all checks that have no tenant.
    pub(crate) fn get(&self, name: Option<String>) -> Tenant {
        let registry = Arc::downgrade(&self.0);
        Tenant(self.0.get(&name, || Inner { name: name.clone(), registry, ..Inner::default() }))
    }

    /// Whether `tenant` was made here, and not by another host.
    pub(crate) fn has(&self, tenant: &Tenant) -> bool {
        std::ptr::eq(tenant.0.registry.as_ptr(), Arc::as_ptr(&self.0))
    }

    /// The usage of every tenant, ordered by name.
    pub(crate) fn usage(&self) -> Vec<TenantUsage> {
        let mut usage: Vec<_> = self.0.values().iter().map(|tenant| tenant.usage()).collect();
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
