//! The things that a tenant holds: each is counted until its guard is dropped.

use super::Tenant;
use super::account::{over_budget, spent, spent_bytes};
use crate::fault::{Cause, Fault};
use crate::units::format_size;

/// A check of a tenant.
pub(crate) struct Membership {
    tenant: Tenant,
    settings_bytes: u64,
}

impl Membership {
    /// Counts one more check.
    ///
    /// # Errors
    /// The budget that is spent.
    pub(crate) fn new(tenant: Tenant) -> Result<Self, String> {
        let most = tenant.0.account.bound(|budget| budget.checks);
        if tenant.0.checks.add(1, most.map(u64::from)) {
            return Ok(Self { tenant, settings_bytes: 0 });
        }
        Err(spent(&format!("{} checks", most.unwrap_or_default()), "checks"))
    }

    /// Counts the settings of the check too.
    ///
    /// # Errors
    /// The budget that is spent.
    pub(crate) fn with_settings(mut self, bytes: usize) -> Result<Self, String> {
        let bytes = to_u64(bytes);
        let most = self.tenant.0.account.bound(|budget| budget.settings_bytes);
        if !self.tenant.0.settings_bytes.add(bytes, most) {
            return Err(spent_bytes(most.unwrap_or(u64::MAX), "settings", "settings_bytes"));
        }
        self.settings_bytes = bytes;
        Ok(self)
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
        self.tenant.0.checks.remove(1);
        self.tenant.0.settings_bytes.remove(self.settings_bytes);
    }
}

/// An evaluation of a tenant that waits.
pub(crate) struct Waiter<'a>(Option<&'a Tenant>);

impl<'a> Waiter<'a> {
    /// Counts one more, if their number has a bound.
    ///
    /// # Errors
    /// A fault if too many wait already.
    pub(crate) fn new(tenant: &'a Tenant) -> Result<Self, Fault> {
        let Some(most) = tenant.0.account.bound(|budget| budget.queue) else { return Ok(Self(None)) };
        if tenant.0.waiting.add(1, Some(most.into())) {
            return Ok(Self(Some(tenant)));
        }
        let detail = format!("{most} evaluations of the tenant wait already (`TenantBudget::queue`)");
        Err(Fault::new(Cause::QueueFull, detail))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(tenant) = self.0 {
            tenant.0.waiting.remove(1);
        }
    }
}

/// A plugin that was loaded for a tenant.
pub(crate) struct Ownership {
    tenant: Tenant,
    bytes: u64,
}

impl Ownership {
    /// Counts one more plugin with its file.
    ///
    /// # Errors
    /// The budget that is spent.
    pub(crate) fn new(tenant: Tenant, bytes: usize) -> Result<Self, String> {
        let bytes = to_u64(bytes);
        let most = tenant.0.account.bound(|budget| budget.plugins);
        if !tenant.0.plugins.add(1, most.map(u64::from)) {
            return Err(spent(&format!("{} plugins", most.unwrap_or_default()), "plugins"));
        }
        let most = tenant.0.account.bound(|budget| budget.plugin_bytes);
        if !tenant.0.plugin_bytes.add(bytes, most) {
            tenant.0.plugins.remove(1);
            return Err(spent_bytes(most.unwrap_or(u64::MAX), "plugins", "plugin_bytes"));
        }
        Ok(Self { tenant, bytes })
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.tenant.0.plugins.remove(1);
        self.tenant.0.plugin_bytes.remove(self.bytes);
    }
}

/// An instance of a tenant with its memory.
pub(crate) struct Tenancy {
    tenant: Tenant,
    memory_bytes: u64,
}

impl Tenancy {
    pub(crate) fn new(tenant: Tenant) -> Self {
        tenant.0.instances.add(1, None);
        Self { tenant, memory_bytes: 0 }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Sets the size of the instance's linear memory.
    ///
    /// # Errors
    /// A fault if it grows, and all instances of the tenant would have more than its budget. The size stays then.
    pub(crate) fn set_memory(&mut self, bytes: usize) -> Result<(), Fault> {
        let bytes = to_u64(bytes);
        let held = &self.tenant.0.memory_bytes;
        match bytes.checked_sub(self.memory_bytes) {
            None => held.remove(self.memory_bytes.saturating_sub(bytes)),
            Some(0) => {}
            Some(growth) => {
                let most = self.tenant.0.account.bound(|budget| budget.memory_bytes);
                if !held.add(growth, most) {
                    let most = format_size(most.unwrap_or(u64::MAX));
                    return Err(over_budget(&format!("{most} of memory"), "memory_bytes"));
                }
            }
        }
        self.memory_bytes = bytes;
        Ok(())
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.tenant.0.memory_bytes.remove(self.memory_bytes);
        self.tenant.0.instances.remove(1);
    }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
