//! Events of activations, for metrics and logs.

use std::time::Duration;

use guardhouse::Digest;
use serde::Serialize;

use crate::problem::Problem;
use crate::snapshot::load::Counts;
use crate::tenant_name::TenantName;
use crate::tenants::status::Origin;

/// A function that is told of each activation. It must not block.
pub type Listener = dyn Fn(&ActivationEvent) + Send + Sync;

/// The end of an attempt to activate a policy.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ActivationEvent {
    /// The tenant.
    pub tenant: TenantName,
    /// The digest of the policy; none if it cannot be read.
    pub digest: Option<Digest>,
    /// The result.
    pub result: ActivationResult,
    /// The work that was done.
    pub counts: Counts,
    /// The time from the first reading to the end.
    pub elapsed: Duration,
}

/// The result of an attempt to activate a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActivationResult {
    /// The policy is active.
    Activated {
        /// The number of the snapshot.
        generation: u64,
        /// Where the policy was read from.
        origin: Origin,
    },
    /// The policy has problems. The one before it stays active.
    Refused(Vec<Problem>),
    /// A newer policy is wanted, so this one was dropped.
    Superseded,
    /// The tenant was removed.
    Removed,
    /// The policy is active, but could not be written to the state folder.
    NotDurable {
        /// The reason.
        reason: String,
    },
}

impl ActivationResult {
    /// The result as a word, for metrics: `activated`, `refused`, `superseded`, `removed` or `not-durable`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Activated { .. } => "activated",
            Self::Refused(_) => "refused",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
            Self::NotDurable { .. } => "not-durable",
        }
    }
}

/// Shows the kind.
impl Serialize for ActivationResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.kind())
    }
}

impl ActivationEvent {
    /// Logs the event.
    pub(super) fn log(&self) {
        let (tenant, digest) = (self.tenant.as_str(), self.digest.map(tracing::field::display));
        let Counts { loaded, configured, reused } = self.counts;
        let elapsed_ms = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX);
        match &self.result {
            ActivationResult::Activated { generation, origin } => tracing::info!(
                target: "guardhouse::activation",
                tenant, digest, generation, ?origin, loaded, configured, reused, elapsed_ms, "a policy is active"
            ),
            ActivationResult::Refused(problems) => tracing::warn!(
                target: "guardhouse::activation",
                tenant,
                digest,
                problems = problems.len(),
                first = problems.first().map(tracing::field::display),
                elapsed_ms,
                "a policy is refused, and the one before it stays"
            ),
            ActivationResult::Superseded => tracing::info!(
                target: "guardhouse::activation",
                tenant, digest, elapsed_ms, "a policy was replaced before it was active"
            ),
            ActivationResult::Removed => {
                tracing::info!(target: "guardhouse::activation", tenant, "a tenant was removed");
            }
            ActivationResult::NotDurable { reason } => tracing::warn!(
                target: "guardhouse::activation",
                tenant, digest, reason, "a policy is active, but could not be written to the state folder"
            ),
        }
    }
}
