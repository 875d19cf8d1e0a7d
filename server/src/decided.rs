//! The decision of one request, with everything that a door and the decision log need of it.

use std::sync::Arc;
use std::time::Duration;

use guardhouse::{Decision, DecisionId, Denial, Digest, Report};
use serde::Serialize;

use crate::log_rules::LogRules;
use crate::tenant_name::TenantName;

/// A decided request. All ids are those of the snapshot that decided it.
#[derive(Debug, Clone)]
#[must_use = "a decision that is not enforced guards nothing"]
#[non_exhaustive]
pub struct Decided {
    /// The id of the decision, which a denied caller gets too.
    pub id: DecisionId,
    /// The decision for the caller.
    pub decision: Decision,
    /// The tenant; none if the request names a tenant that does not exist.
    pub tenant: Option<TenantName>,
    /// The snapshot that decided; none if the tenant has none yet.
    pub policy: Option<PolicyId>,
    /// The name of the rule that decided; none if a check under `always` denied, or no rule matched.
    pub rule: Option<Arc<str>>,
    /// Why the policy denied; none for an allow, and for a denial in the mode `monitor`.
    pub cause: Option<DenialCause>,
    /// The denial that the mode `monitor` turned into an allow, with its cause. Its id differs from that of the
    /// decision if a check under `always` would have denied and the rule was asked all the same.
    pub would_deny: Option<(Denial, DenialCause)>,
    /// The report of the checks; none if none were evaluated.
    pub report: Option<Report>,
    /// The wall-clock time of the whole decision.
    pub elapsed: Duration,
    /// What the decision log may say of the request, by the policy that decided; without rules, nothing.
    pub log_rules: Option<Arc<LogRules>>,
}

/// A snapshot of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PolicyId {
    /// The number of the snapshot: 1 for the first of the tenant since the start of the server, and one more for each
    /// that replaces it.
    pub generation: u64,
    /// The digest of the policy's folder.
    pub digest: Digest,
}

/// Why a policy denies a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DenialCause {
    /// A check denied or failed; the report has the details.
    Check,
    /// No rule matches the request.
    NoRule,
    /// A part of the request has no normal form.
    NotNormal,
    /// The tenant has no policy that was ever active.
    NoPolicy,
    /// The tenant does not exist.
    UnknownTenant,
}

impl DenialCause {
    /// The cause as a word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::NoRule => "no-rule",
            Self::NotNormal => "not-normal",
            Self::NoPolicy => "no-policy",
            Self::UnknownTenant => "unknown-tenant",
        }
    }
}

impl Decided {
    /// A denial without an evaluation.
    pub(crate) fn denied(cause: DenialCause) -> Self {
        let id = DecisionId::random();
        Self {
            id,
            decision: Decision::Deny(Denial::new(id)),
            tenant: None,
            policy: None,
            rule: None,
            cause: Some(cause),
            would_deny: None,
            report: None,
            elapsed: Duration::ZERO,
            log_rules: None,
        }
    }
}
