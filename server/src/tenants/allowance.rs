//! Allowances: what the operator grants to tenants, and what no policy can change.

use std::collections::BTreeMap;

use guardhouse::{Host, TenantBudget};

use crate::policy::caps::LimitCaps;
use crate::tenant_name::TenantName;

/// What one tenant may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Its weight, from 1 to 1,000: its share of what several tenants want at the same time. Default: 16.
    pub weight: u32,
    /// Its budget. Default: no bounds.
    pub budget: TenantBudget,
    /// The caps of the limits that its policy may set. They count for policies that are read from then on.
    pub limit_caps: LimitCaps,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { weight: 16, budget: TenantBudget::default(), limit_caps: LimitCaps::default() }
    }
}

/// What all tenants may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowances {
    /// The allowance of a tenant without one of its own.
    pub default: Allowance,
    /// Those of single tenants.
    pub tenants: BTreeMap<TenantName, Allowance>,
}

impl Allowances {
    /// The allowance of a tenant.
    #[must_use]
    pub fn of(&self, name: &TenantName) -> &Allowance {
        self.tenants.get(name).unwrap_or(&self.default)
    }

    /// Gives a tenant its allowance. Returns whether it has it: a tenant without bounds must not run.
    pub(super) fn give(&self, host: &Host, name: &TenantName) -> bool {
        let Allowance { weight, budget, .. } = self.of(name);
        let tenant = host.tenant(name.as_str());
        let given = tenant.set_weight(*weight).and_then(|()| tenant.set_budget(budget.clone()));
        if let Err(error) = &given {
            // The host keeps as many tenants as a source has at most, unless it is configured otherwise.
            tracing::error!(target: "guardhouse::server", tenant = %name, %error, "a tenant cannot be bounded, and is denied");
        }
        given.is_ok()
    }
}
