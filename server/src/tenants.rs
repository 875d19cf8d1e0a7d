//! The tenants of a server, each with its active snapshot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use guardhouse::{AuthContext, Host};

use crate::decided::{Decided, DenialCause};
use crate::snapshot::Snapshot;
use crate::tenant_name::TenantName;

/// All tenants. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Tenants(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    active: ArcSwap<HashMap<TenantName, Arc<Snapshot>>>,
}

impl Tenants {
    /// No tenants, on a host.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self(Arc::new(Inner { host, active: ArcSwap::default() }))
    }

    /// The host of all plugins.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Makes `snapshot` the active one of its tenant.
    pub fn activate(&self, tenant: &TenantName, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        self.0.active.rcu(|active| {
            let mut active = HashMap::clone(active);
            active.insert(tenant.clone(), Arc::clone(&snapshot));
            active
        });
    }

    /// Decides one request of a tenant, within `deadline` if there is one. A tenant that does not exist is denied like
    /// any other request.
    pub async fn decide(&self, tenant: &str, context: &AuthContext, deadline: Option<Duration>) -> Decided {
        let snapshot = tenant.parse().ok().and_then(|name: TenantName| self.0.active.load().get(&name).cloned());
        match snapshot {
            Some(snapshot) => snapshot.decide(context, deadline).await,
            None => Decided::denied(DenialCause::UnknownTenant),
        }
    }

    /// Decides several requests of one enforcement point, each as if it were alone, in their order.
    pub async fn decide_batch(
        &self,
        tenant: &str,
        contexts: &[AuthContext],
        deadline: Option<Duration>,
    ) -> Vec<Decided> {
        let mut all = Vec::with_capacity(contexts.len());
        for context in contexts {
            all.push(self.decide(tenant, context, deadline).await);
        }
        all
    }
}
