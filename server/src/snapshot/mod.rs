//! Snapshots: the policy of a tenant, loaded, compiled and configured. A snapshot never changes.
//!
//! A [`Loader`](load::Loader) makes snapshots. It reuses the checks of the tenant's previous snapshot that are equal,
//! and shares plugins between tenants. A snapshot has a plan for each rule, made in advance: the checks that a request
//! is asked of, and what their reports mean.

mod batch;
mod caller;
pub mod load;
mod made;
mod plan;
mod plugins;
#[cfg(test)]
mod table;

pub mod cases;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guardhouse::{AuthContext, Host, Tenant};

use crate::decided::{Decided, DenialCause, PolicyId};
use crate::policy::Policy;
use crate::policy::selector::{NotNormal, Target};
use crate::snapshot::made::Made;
use crate::snapshot::plan::{AnyCheck, Plan};
use crate::tenant_name::TenantName;

/// The policy of a tenant, ready to decide.
pub struct Snapshot {
    tenant: TenantName,
    /// The tenant in the host.
    account: Tenant,
    id: PolicyId,
    /// The policy without its checks: their bytes and settings are in `made`, as far as they are needed.
    policy: Policy,
    /// One plan for each rule, and one more for the requests that no rule matches.
    plans: Vec<Plan>,
    /// The checks, in the order of the policy.
    made: Vec<Made>,
}

impl Snapshot {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The number of the snapshot, and the digest of its policy.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        self.id
    }

    /// The tenant in the host, whose account pays for its decisions.
    #[must_use]
    pub fn account(&self) -> &Tenant {
        &self.account
    }

    /// The checks of the snapshot, in the order of the policy.
    pub fn checks(&self) -> impl Iterator<Item = &guardhouse::Check> {
        self.made.iter().map(|made| &made.check)
    }

    /// Decides one request, within `deadline` if there is one.
    ///
    /// A fault denies, in a check as well as in the policy. Only the mode [`Monitor`](crate::policy::Mode::Monitor),
    /// which the policy declares, turns a denial into an allow, and [`Decided::would_deny`] says so. A request without
    /// a normal form is denied in each mode.
    pub async fn decide(&self, context: &AuthContext, deadline: Option<Duration>) -> Decided {
        let start = Instant::now();
        let decided = match Target::of(context) {
            Ok(target) => match self.plan(&target) {
                Some((_, plan)) => plan.decide(target.context(), start, deadline).await,
                None => Decided::denied(DenialCause::NotNormal).because(NotNormal::TOO_COSTLY.to_string()),
            },
            Err(error) => Decided::denied(DenialCause::NotNormal).because(error.to_string()),
        };
        self.signed(decided, start)
    }

    /// Denies a request that no check can be asked about.
    pub(crate) fn deny(&self, cause: DenialCause, reason: Cow<'static, str>) -> Decided {
        self.signed(Decided::denied(cause).because(reason), Instant::now())
    }

    /// Decides several requests of one enforcement point, in their order, as if each were alone; `deadline` is that of
    /// all together. Requests of one caller that the same rule matches are decided as a batch
    /// ([`AuthChecks::run_batch`](guardhouse::AuthChecks::run_batch)). Requests of different callers never share an
    /// instance. A fault denies only the request in which it occurs.
    pub async fn decide_batch(&self, contexts: &[AuthContext], deadline: Option<Duration>) -> Vec<Decided> {
        let start = Instant::now();
        let decided = batch::decide(|target| self.plan(target), contexts, start, deadline).await;
        decided.into_iter().map(|decided| self.signed(decided, start)).collect()
    }

    /// A snapshot of a policy whose checks are made.
    fn of(host: &Host, tenant: TenantName, generation: u64, mut policy: Policy, made: Vec<Made>) -> Self {
        let checks: Vec<AnyCheck> = made.iter().map(|made| Arc::new(made.check.clone()) as AnyCheck).collect();
        let plans = Plan::all(&policy, &checks);
        let id = PolicyId { generation, digest: policy.digest };
        // The bytes of plugins and the data in settings would be in memory twice.
        policy.checks = Vec::new();
        Self { account: host.tenant(tenant.as_str()), tenant, id, policy, plans, made }
    }

    /// The plan of a request, with its index; none if it takes too many steps to find the rule. No snapshot lacks a plan.
    fn plan(&self, target: &Target<'_>) -> Option<(usize, &Plan)> {
        let index = self.policy.rule_for(target).ok()?.map_or(self.policy.rules.len(), |(index, _)| index);
        self.plans.get(index).map(|plan| (index, plan))
    }

    /// The decision with the ids of this snapshot.
    fn signed(&self, mut decided: Decided, start: Instant) -> Decided {
        decided.tenant = Some(self.tenant.clone());
        decided.policy = Some(self.id);
        decided.log_rules = Some(Arc::clone(&self.policy.log));
        decided.elapsed = start.elapsed();
        decided
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("tenant", &self.tenant).field("id", &self.id).finish_non_exhaustive()
    }
}
