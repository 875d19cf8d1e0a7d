//! The sections `[tenants.NAME]`: what the operator grants to a tenant.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::HeaderName;

use crate::config::identity::IdentityHeader;
use crate::tenant_name::TenantName;
use crate::tenants::allowance::{Allowance, Allowances};

/// The settings of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSettings {
    /// The longest time of one decision. A caller may ask for less. From 1 ms to 1 hour. Default: 1 s.
    pub deadline: Duration,
    /// What it may use.
    pub allowance: Allowance,
    /// The names of the issuers of its end users' tokens. With none, no token is verified, and checks see none. Default:
    /// none.
    pub issuers: Vec<String>,
    /// The URL of the metadata of the protected resource (RFC 9728), which a refused end user is told. Default: none.
    pub resource_metadata: Option<String>,
    /// The headers of requests behind proxies that its checks see. Default: none.
    pub headers: Vec<HeaderName>,
    /// The headers that proxies set for the servers behind them. Default: none.
    pub identity_headers: Vec<IdentityHeader>,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            allowance: Allowance::default(),
            issuers: Vec::new(),
            resource_metadata: None,
            headers: Vec::new(),
            identity_headers: Vec::new(),
        }
    }
}

/// The settings of all tenants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllTenantSettings {
    /// Those of a tenant without settings of its own.
    pub default: TenantSettings,
    /// Those of single tenants.
    pub tenants: BTreeMap<TenantName, TenantSettings>,
}

impl AllTenantSettings {
    /// What all tenants may use.
    #[must_use]
    pub fn allowances(&self) -> Allowances {
        let of = |settings: &TenantSettings| settings.allowance.clone();
        let tenants = self.tenants.iter().map(|(name, settings)| (name.clone(), of(settings))).collect();
        Allowances { default: of(&self.default), tenants }
    }

    /// The settings of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> &TenantSettings {
        if self.tenants.is_empty() {
            return &self.default;
        }
        let named = tenant.parse::<TenantName>().ok().and_then(|name| self.tenants.get(&name));
        named.unwrap_or(&self.default)
    }
}
