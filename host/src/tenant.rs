//! What the checks of one tenant take together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::lock::lock;
use crate::outcome::Usage;

/// What one tenant has and takes. A tenant is known for as long as it has a check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TenantUsage {
    /// Its name, as in [`CheckConfig::tenant`](crate::CheckConfig::tenant); empty for checks without one.
    pub tenant: String,
    /// Its checks.
    pub checks: u64,
    /// Their settings, in bytes.
    pub settings_bytes: u64,
    /// Its instances that live now.
    pub instances: u64,
    /// Their linear memory, in bytes.
    pub memory_bytes: u64,
    /// Evaluations so far.
    pub evaluations: u64,
    /// The fuel of all of them.
    pub fuel: u64,
    /// The processor time of all of them.
    pub cpu_time: Duration,
}

/// The tenants of one host.
#[derive(Default)]
pub(crate) struct Tenants(Mutex<HashMap<String, Weak<Tenant>>>);

/// The counts of one tenant.
#[derive(Default)]
pub(crate) struct Tenant {
    checks: AtomicI64,
    settings_bytes: AtomicI64,
    instances: AtomicI64,
    memory_bytes: AtomicI64,
    evaluations: AtomicU64,
    fuel: AtomicU64,
    cpu_nanoseconds: AtomicU64,
}

impl Tenants {
    pub(crate) fn get(&self, name: Option<&str>) -> Arc<Tenant> {
        let mut tenants = lock(&self.0);
        let name = name.unwrap_or_default();
        if let Some(tenant) = tenants.get(name).and_then(Weak::upgrade) {
            return tenant;
        }
        // Whoever comes with new names all the time leaves none behind.
        if tenants.len() == tenants.capacity() {
            tenants.retain(|_, tenant| tenant.strong_count() > 0);
        }
        let tenant = Arc::default();
        tenants.insert(name.to_owned(), Arc::downgrade(&tenant));
        tenant
    }

    pub(crate) fn usage(&self) -> Vec<TenantUsage> {
        let tenants = lock(&self.0);
        let mut usage: Vec<_> =
            tenants.iter().filter_map(|(name, tenant)| Some(tenant.upgrade()?.usage(name.clone()))).collect();
        usage.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        usage
    }
}

impl Tenant {
    fn usage(&self, tenant: String) -> TenantUsage {
        let level = |count: &AtomicI64| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or_default();
        TenantUsage {
            tenant,
            checks: level(&self.checks),
            settings_bytes: level(&self.settings_bytes),
            instances: level(&self.instances),
            memory_bytes: level(&self.memory_bytes),
            evaluations: self.evaluations.load(Ordering::Relaxed),
            fuel: self.fuel.load(Ordering::Relaxed),
            cpu_time: Duration::from_nanos(self.cpu_nanoseconds.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn add_evaluation(&self, usage: &Usage) {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        self.fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        let nanoseconds = u64::try_from(usage.cpu_time.as_nanos()).unwrap_or(u64::MAX);
        self.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// A check of a tenant, counted until it is dropped.
pub(crate) struct Membership {
    pub(crate) tenant: Arc<Tenant>,
    settings_bytes: i64,
}

impl Membership {
    pub(crate) fn new(tenant: Arc<Tenant>, settings_bytes: usize) -> Self {
        let settings_bytes = i64::try_from(settings_bytes).unwrap_or(i64::MAX);
        tenant.checks.fetch_add(1, Ordering::Relaxed);
        tenant.settings_bytes.fetch_add(settings_bytes, Ordering::Relaxed);
        Self { tenant, settings_bytes }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.tenant.checks.fetch_sub(1, Ordering::Relaxed);
        self.tenant.settings_bytes.fetch_sub(self.settings_bytes, Ordering::Relaxed);
    }
}

/// An instance of a tenant and its memory, counted until it is dropped.
pub(crate) struct Tenancy {
    tenant: Arc<Tenant>,
    memory_bytes: i64,
}

impl Tenancy {
    pub(crate) fn new(tenant: Arc<Tenant>) -> Self {
        tenant.instances.fetch_add(1, Ordering::Relaxed);
        Self { tenant, memory_bytes: 0 }
    }

    /// The linear memory of the instance is now as large as this.
    pub(crate) fn set_memory(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.tenant.memory_bytes.fetch_add(bytes - self.memory_bytes, Ordering::Relaxed);
        self.memory_bytes = bytes;
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.set_memory(0);
        self.tenant.instances.fetch_sub(1, Ordering::Relaxed);
    }
}
