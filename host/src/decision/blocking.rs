//! Decisions without async: each function blocks its thread until the decision is made or its deadline has passed.
//!
//! These functions may be called anywhere. Inside an async runtime they block a thread of the runtime.

use crate::decision::Decision;
use crate::decision::auth_check::AuthCheck;
use crate::decision::auth_checks::AuthChecks;
use crate::decision::report::Report;
use crate::decision::run;
use crate::request::AuthContext;
use crate::util::block_on::block_on;

/// Blocks on [`run_auth_checks`](crate::run_auth_checks).
pub fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    explain_auth_checks(checks, context).decision
}

/// Blocks on [`explain_auth_checks`](crate::explain_auth_checks).
pub fn explain_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    explain(&AuthChecks::new(checks), context)
}

/// Blocks on [`AuthChecks::explain`].
pub fn explain<C: AuthCheck>(checks: &AuthChecks<'_, C>, context: &AuthContext) -> Report {
    block_on(checks.explain(context)).unwrap_or_else(|error| run::denied_unasked(&error))
}

/// Blocks on [`AuthChecks::explain_batch`].
#[must_use]
pub fn explain_batch<C: AuthCheck>(checks: &AuthChecks<'_, C>, contexts: &[AuthContext]) -> Vec<Report> {
    block_on(checks.explain_batch(contexts))
        .unwrap_or_else(|error| contexts.iter().map(|_| run::denied_unasked(&error)).collect())
}
