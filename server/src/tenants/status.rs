//! Status: what is wanted, active, refused and effective, for the operator.

use std::time::{SystemTime, UNIX_EPOCH};

use guardhouse::{BreakerState, Check, Digest, StartMode};
use serde::{Serialize, Serializer};

use crate::decided::PolicyId;
use crate::problem::Problem;
use crate::tenant_name::TenantName;

/// The status of one tenant. Times are seconds since the Unix epoch in JSON.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TenantStatus {
    /// The tenant.
    pub tenant: TenantName,
    /// The digest of the policy that the source has; none if it cannot be read.
    pub wanted: Option<Digest>,
    /// The policy that decides; none if there was never one.
    pub active: Option<Active>,
    /// The policy that was wanted last and cannot be activated; none if nothing is wrong.
    pub refused: Option<Refusal>,
    /// The checks of the active policy, as they work now.
    pub checks: Vec<CheckStatus>,
}

/// The active policy of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Active {
    /// The number of the snapshot and the digest of the policy.
    pub policy: PolicyId,
    /// Where it was read from.
    pub origin: Origin,
    /// Whether a restart with a broken source would find it again.
    pub durability: Durability,
    /// Its warnings, such as a rule that can never match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Problem>,
    /// The time of its activation.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
}

/// The origin of an active policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The source.
    Source,
    /// The state folder: the source has no policy of the tenant that can be activated.
    LastGood,
}

/// Whether the active policy is written to the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Durability {
    /// It is not, or not yet; without a state folder it never is.
    NotKept,
    /// It is.
    Written,
    /// Writing it failed. The policy is active all the same.
    Failed {
        /// The reason.
        reason: String,
    },
}

/// A policy that cannot be activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// Its digest; none if it cannot be read.
    pub digest: Option<Digest>,
    /// Its problems.
    pub problems: Vec<Problem>,
    /// The time since which it is refused.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
}

/// One check of an active policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckStatus {
    /// Its name in the policy.
    pub name: String,
    /// The digest of its plugin.
    pub plugin: Digest,
    /// How its instances start.
    pub start: StartMode,
    /// Whether the plugin's code is optimized, and not baseline code.
    pub is_optimized: bool,
    /// Whether the plugin's code is in memory, and not evicted.
    pub is_resident: bool,
    /// The state of its breaker; none without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerState>,
}

/// Whether a server can serve, and what is wrong.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Whether every tenant of the source was tried once since the start.
    pub is_started: bool,
    /// The number of tenants.
    pub tenants: usize,
    /// Tenants without an active policy: all their requests are denied.
    pub without_policy: usize,
    /// Tenants of which the source has a policy that cannot be activated.
    pub refused: usize,
    /// Tenants whose active policy comes from the state folder, and not from the source.
    pub last_good: usize,
    /// Tenants whose active policy could not be written to the state folder.
    pub not_durable: usize,
    /// Why the source cannot be read as a whole. No tenant is removed or changed meanwhile.
    pub source_problem: Option<String>,
    /// Problems of the source that belong to no tenant, such as a folder whose name is not that of a tenant.
    pub problems: Vec<Problem>,
}

impl Readiness {
    /// Whether something is wrong, although the server serves.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        let counts = [self.without_policy, self.refused, self.last_good, self.not_durable];
        counts.iter().any(|count| *count > 0) || self.source_problem.is_some() || !self.problems.is_empty()
    }
}

impl CheckStatus {
    pub(super) fn of(check: &Check) -> Self {
        Self {
            name: check.id().to_owned(),
            plugin: check.plugin().digest(),
            start: check.start_mode(),
            is_optimized: check.plugin().is_optimized(),
            is_resident: check.plugin().is_resident(),
            breaker: check.breaker_state(),
        }
    }
}

fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
