//! The tenants of one host, by name.

use std::sync::{Arc, Mutex};
#[cfg(test)]
use std::time::Duration;

use super::{Inner, Registry, Tenant, TenantBudget, TenantUsage};
#[cfg(test)]
use crate::limits::HostLimits;
#[cfg(test)]
use crate::turns::TurnSettings;
use crate::turns::Turns;
use crate::turns::lane::DEFAULT_WEIGHT;
use crate::util::lock::lock;
use crate::util::weak_map::WeakMap;

/// The tenants of one host.
pub(crate) struct Tenants(Arc<Registry>);

impl Tenants {
    /// No tenants, which will share `turns`, and of which at most `most_kept` will be kept without a handle.
    pub(crate) fn new(turns: Arc<Turns>, most_kept: usize) -> Self {
        Self(Arc::new(Registry { turns, known: WeakMap::default(), kept: Mutex::default(), most_kept }))
    }

    /// No tenants, for a test of anything but turns.
    #[cfg(test)]
    pub(crate) fn with_default_turns(most_kept: usize) -> Self {
        let settings = TurnSettings::of(&HostLimits::default(), Duration::from_millis(1), 1);
        Self::new(Arc::new(Turns::new(settings)), most_kept)
    }

    /// The tenant of a name; without a name, the one of all checks that have no tenant.
    pub(crate) fn get(&self, name: Option<String>) -> Tenant {
        if name.is_some() {
            self.0.turns.share();
        }
        Tenant(self.0.known.get(&name, || Inner::new(name.clone(), &self.0)))
    }

    /// Removes the budget and the weight of a tenant, and keeps it no longer. Returns whether it was kept.
    pub(crate) fn forget(&self, name: &str) -> bool {
        let tenant = lock(&self.0.kept).get(name).cloned();
        let Some(tenant) = tenant else { return false };
        tenant.weigh(DEFAULT_WEIGHT);
        // A budget without a bound needs no place among those that are kept.
        self.0.set_budget(&tenant, TenantBudget::default()).is_ok()
    }

    /// Whether `tenant` was made here, and not by another host.
    pub(crate) fn has(&self, tenant: &Tenant) -> bool {
        std::ptr::eq(tenant.0.registry.as_ptr(), Arc::as_ptr(&self.0))
    }

    /// The usage of every tenant, ordered by name.
    pub(crate) fn usage(&self) -> Vec<TenantUsage> {
        let mut usage: Vec<_> = self.0.known.values().iter().map(|tenant| tenant.usage()).collect();
        usage.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        usage
    }
}
