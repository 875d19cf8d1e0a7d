//! Outcomes: what a proxy is told, in terms of HTTP. There is one table for all dialects.

use guardhouse::{AccessToken, Cause, Decision, DecisionId, Denial};
use hyper::StatusCode;
use hyper::header::HeaderValue;

use super::identity::Identity;
use crate::config::tenant::TenantSettings;
use crate::decided::{Decided, DenialCause};
use crate::token::challenge::Challenge;

/// What a proxy is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(in crate::door) enum Outcome {
    /// The request may not go on.
    Denied(Denied),
    /// The request may go on.
    Allowed(Allowed),
}

/// A denial, as the end user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::door) struct Denied {
    /// 401, 403 or 429.
    pub(in crate::door) status: StatusCode,
    /// The id of the decision; none if nothing was decided, because the proxy has no credential.
    pub(in crate::door) id: Option<DecisionId>,
    /// The value of `WWW-Authenticate`.
    pub(in crate::door) challenge: Option<HeaderValue>,
    /// The message of a check, which is untrusted text.
    pub(in crate::door) message: Option<String>,
}

/// An allow. Only [`Outcome::of`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::door) struct Allowed {
    id: DecisionId,
    identity: Identity,
}

/// The token of a request, as far as it was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    /// The tenant has no issuers, so tokens mean nothing.
    NotAsked,
    /// The request has none.
    Absent,
    /// It is valid.
    Verified(&'a AccessToken),
}

impl Denied {
    /// The denial where nothing was decided: the proxy has no valid credential, or nothing can be read of its request.
    pub(in crate::door) const UNDECIDED: Self =
        Self { status: StatusCode::FORBIDDEN, id: None, challenge: None, message: None };

    /// A denial without anything that says why.
    fn silent(id: DecisionId) -> Self {
        Self { id: Some(id), ..Self::UNDECIDED }
    }
}

impl Allowed {
    /// The id of the decision.
    pub(in crate::door) fn id(&self) -> DecisionId {
        self.id
    }

    /// The identity headers.
    pub(in crate::door) fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Outcome {
    /// What a proxy is told of a decision.
    pub(super) fn of(decided: &Decided, token: Token<'_>, settings: &TenantSettings) -> Self {
        match &decided.decision {
            Decision::Deny(denial) => Self::Denied(denied(decided, denial, token, settings)),
            Decision::Allow => {
                let token = if let Token::Verified(token) = token { Some(token) } else { None };
                Self::Allowed(Allowed { id: decided.id, identity: Identity::of(&settings.identity_headers, token) })
            }
        }
    }
}

fn denied(decided: &Decided, denial: &Denial, token: Token<'_>, settings: &TenantSettings) -> Denied {
    let silent = Denied::silent(denial.id);
    let challenge = |challenge: Challenge<'_>| Some(challenge.header(settings.resource_metadata.as_deref()));
    let unauthorized = StatusCode::UNAUTHORIZED;
    match decided.cause {
        Some(DenialCause::InvalidToken) => {
            return Denied { status: unauthorized, challenge: challenge(Challenge::InvalidToken), ..silent };
        }
        // No token makes these allowed.
        Some(DenialCause::InvalidRequest | DenialCause::NotNormal | DenialCause::IssuerUnavailable) => return silent,
        _ => {}
    }
    if is_over_budget(decided) {
        return Denied { status: StatusCode::TOO_MANY_REQUESTS, ..silent };
    }
    let told = Denied { message: denial.message.clone(), ..silent };
    if matches!(token, Token::Absent) {
        return Denied { status: unauthorized, challenge: challenge(Challenge::NoToken), ..told };
    }
    let scopes: Vec<String> = denial.scope_tokens().map(str::to_owned).collect();
    if scopes.is_empty() {
        told
    } else {
        Denied { challenge: challenge(Challenge::InsufficientScope(&scopes)), ..told }
    }
}

/// Whether the tenant has spent its budget.
fn is_over_budget(decided: &Decided) -> bool {
    let decisive = decided.report.as_ref().and_then(|report| report.checks.get(report.decided_by?));
    let fault = decisive.and_then(|check| check.evaluation.outcome.fault());
    fault.is_some_and(|fault| fault.cause == Cause::OverBudget)
}
