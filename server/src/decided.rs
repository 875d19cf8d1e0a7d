//! The decision of one request, with everything that a door and the decision log need of it.

use std::borrow::Cow;
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
    /// What is wrong with a request that no check was asked about, for the operator only.
    pub reason: Option<Cow<'static, str>>,
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
    /// The enforcement point sent a request that says too little, or contradicts itself.
    InvalidRequest,
    /// The access token of the request is not valid.
    InvalidToken,
    /// The access token cannot be verified now: its issuer does not answer.
    IssuerUnavailable,
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
            Self::InvalidRequest => "invalid-request",
            Self::InvalidToken => "invalid-token",
            Self::IssuerUnavailable => "issuer-unavailable",
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
            reason: None,
            would_deny: None,
            report: None,
            elapsed: Duration::ZERO,
            log_rules: None,
        }
    }

    /// The same decision with what is wrong with the request.
    pub(crate) fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}
