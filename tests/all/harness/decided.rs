//! Decisions as a server makes them, without a policy.

use std::sync::Arc;
use std::time::Instant;

use guardhouse::{AuthCheck, AuthChecks, AuthContext, Decision};
use guardhouse_server::decided::{Decided, DenialCause};
use guardhouse_server::log_rules::LogRules;
use guardhouse_server::observe::Exchange;
use guardhouse_server::tenants::Tenants;

use super::host;

/// The decision of a request of a tenant that does not exist.
pub(crate) fn unknown_tenant(context: &AuthContext) -> Decided {
    block_on(Tenants::new(host().clone()).decide("nobody", context, None))
}

/// The decision that one check makes for a tenant, under rules for the log.
pub(crate) fn by_check(tenant: &str, check: impl AuthCheck, context: &AuthContext, rules: LogRules) -> Decided {
    let report = AuthChecks::new(&[check]).explain_blocking(context);
    let mut decided = unknown_tenant(context);
    decided.id = report.id;
    decided.tenant = Some(tenant.parse().unwrap());
    decided.decision = report.decision.clone();
    decided.cause = (!report.decision.is_allow()).then_some(DenialCause::Check);
    decided.rule = Some("a rule".into());
    decided.elapsed = report.elapsed;
    decided.report = Some(report);
    decided.log_rules = Some(Arc::new(rules));
    decided
}

/// An allow without an evaluation.
pub(crate) fn allowed(tenant: &str, context: &AuthContext) -> Decided {
    let mut decided = unknown_tenant(context);
    decided.tenant = Some(tenant.parse().unwrap());
    decided.decision = Decision::Allow;
    decided.cause = None;
    decided
}

/// The exchange of a request without headers.
pub(crate) fn exchange(context: &AuthContext) -> Exchange<'_> {
    Exchange { door: "native", context, request_id: None, trace_parent: None, received: Instant::now() }
}

/// Runs a future with the timers of tokio.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
