//! Records: what is wanted, active and refused of one tenant.

use std::time::SystemTime;

use guardhouse::Digest;

use crate::decided::PolicyId;
use crate::problem::Problem;
use crate::snapshot::Snapshot;
use crate::tenant_name::TenantName;
use crate::tenants::status::{Active, CheckStatus, Durability, Origin, Readiness, Refusal, TenantStatus};

/// The record of one tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// The number of snapshots so far.
    generation: u64,
    wanted: Option<Digest>,
    active: Option<Active>,
    refused: Option<Refusal>,
}

impl Record {
    pub(crate) fn wanted(&self) -> Option<Digest> {
        self.wanted
    }

    /// The number of the next snapshot.
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation + 1
    }

    /// Wants a policy. Returns whether it must be loaded.
    pub(crate) fn want(&mut self, digest: Digest) -> bool {
        self.wanted = Some(digest);
        if let Some(active) = self.active.as_mut().filter(|active| active.policy.digest == digest) {
            active.origin = Origin::Source;
            self.refused = None;
        }
        self.is_open(digest)
    }

    /// Whether a policy is neither active nor refused.
    pub(crate) fn is_open(&self, digest: Digest) -> bool {
        let is_active = self.active.as_ref().is_some_and(|active| active.policy.digest == digest);
        let is_refused = self.refused.as_ref().is_some_and(|refused| refused.digest == Some(digest));
        !is_active && !is_refused
    }

    /// Wants nothing, because what the source has cannot be read.
    pub(crate) fn want_nothing(&mut self) {
        self.wanted = None;
    }

    /// Refuses a policy; without a digest, one that cannot be read. The active one stays. Returns whether the refusal
    /// is new.
    pub(crate) fn refuse(&mut self, digest: Option<Digest>, problems: Vec<Problem>) -> bool {
        let same = |refused: &Refusal| refused.digest == digest && refused.problems == problems;
        if self.refused.as_ref().is_some_and(same) {
            return false;
        }
        self.refused = Some(Refusal { digest, problems, since: SystemTime::now() });
        true
    }

    /// Forgets a refusal, so that the same policy is tried again.
    pub(crate) fn forget_refusal(&mut self) {
        self.refused = None;
    }

    /// Notes that a snapshot is active. One from the source ends a refusal; one of the state folder does not.
    pub(crate) fn activated(&mut self, policy: PolicyId, origin: Origin, warnings: Vec<Problem>) {
        self.generation = self.generation.max(policy.generation);
        let durability = if origin == Origin::LastGood { Durability::Written } else { Durability::NotKept };
        self.active = Some(Active { policy, origin, durability, warnings, since: SystemTime::now() });
        if origin == Origin::Source {
            self.refused = None;
        }
    }

    /// Notes whether the active policy is written down.
    pub(crate) fn set_durability(&mut self, digest: Digest, durability: Durability) {
        if let Some(active) = self.active.as_mut().filter(|active| active.policy.digest == digest) {
            active.durability = durability;
        }
    }

    /// The status of the tenant, whose active snapshot is `snapshot`.
    pub(super) fn status(self, tenant: &TenantName, snapshot: Option<&Snapshot>) -> TenantStatus {
        let Self { wanted, active, refused, .. } = self;
        let checks = snapshot.into_iter().flat_map(Snapshot::checks).map(CheckStatus::of).collect();
        TenantStatus { tenant: tenant.clone(), wanted, active, refused, checks }
    }

    /// Counts the tenant.
    pub(super) fn count(&self, has_policy: bool, readiness: &mut Readiness) {
        let is = |condition: fn(&Active) -> bool| usize::from(self.active.as_ref().is_some_and(condition));
        readiness.tenants += 1;
        readiness.without_policy += usize::from(!has_policy);
        readiness.refused += usize::from(self.refused.is_some());
        readiness.last_good += is(|active| active.origin == Origin::LastGood);
        readiness.not_durable += is(|active| matches!(active.durability, Durability::Failed { .. }));
    }
}
