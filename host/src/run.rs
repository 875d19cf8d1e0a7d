//! Lists of checks: the only place where outcomes become a decision.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Instant;

use crate::auth_check::{AuthCheck, Inquiry};
use crate::context::AuthContext;
use crate::decision::{Decision, DecisionId, Denial};
use crate::native::panic_message;
use crate::outcome::{Cause, Evaluation, Fault, Outcome};
use crate::report::{CheckReport, Report};

/// Asks each check in the order given, one at a time, until one does not allow (rule S1). All allow: allow; an empty
/// list allows (rule S2).
///
/// Whatever goes wrong is a denial (rules S4, S5). Runs on a tokio runtime with time enabled; see
/// [`blocking`](crate::blocking) for the same without.
pub async fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    explain_auth_checks(checks, context).await.decision
}

/// Like [`run_auth_checks`], with everything the operator may know.
pub async fn explain_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    run(checks, context, Engine::Plain).await
}

/// Like [`run_auth_checks`], for callers that can ask their authorization server for more scopes: if scopes are all
/// that is missing, the denial names all of them at once (RFC 6750 section 3.1).
///
/// A scope-aware check that denies without a word does not end the run (rule U1); anything else that does not allow
/// ends it, and then no scope is named. If only scope-aware checks denied, the denial names the sorted union of what
/// they miss; nothing that the token has, and nothing without a token (rule U2). A scope-aware check that fails is
/// not believed about scopes: it ends the run like any other.
pub async fn run_auth_checks_with_shortfall<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    explain_auth_checks_with_shortfall(checks, context).await.decision
}

/// Like [`run_auth_checks_with_shortfall`], with everything the operator may know.
pub async fn explain_auth_checks_with_shortfall<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    run(checks, context, Engine::WithShortfall).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Plain,
    WithShortfall,
}

async fn run<C: AuthCheck>(checks: &[C], context: &AuthContext, engine: Engine) -> Report {
    let start = Instant::now();
    let id = DecisionId::random();
    let with_shortfall = engine == Engine::WithShortfall;
    let inquiry = Inquiry { context, decision: id, wants_missing_scopes: with_shortfall };

    let mut reports = Vec::with_capacity(checks.len());
    let mut decided_by = None;
    let mut decision = Decision::Allow;
    let mut shortfall = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        let report = CheckReport::new(check, ask(check, inquiry).await);
        report.record(id);
        let outcome = report.outcome.clone();
        let goes_on = with_shortfall && outcome == Outcome::Refused && check.is_scope_aware();
        if goes_on {
            shortfall.extend_from_slice(&report.missing_scopes);
        }
        reports.push(report);
        let message = match outcome {
            Outcome::Allow => continue,
            Outcome::Refused | Outcome::Masked(_) => None,
            Outcome::Explicit(error) => Some(error.message),
        };
        decision = Decision::Deny(Denial { id, message, missing_scopes: Vec::new() });
        if goes_on {
            decided_by.get_or_insert(index);
        } else {
            decided_by = Some(index);
            shortfall.clear();
            break;
        }
    }
    if let Decision::Deny(denial) = &mut decision {
        shortfall.sort_unstable();
        shortfall.dedup();
        denial.missing_scopes = shortfall;
    }

    let report = Report { id, decision, checks: reports, decided_by, elapsed: start.elapsed() };
    report.record();
    report
}

/// Asks one check. A panic in it, or in the host on its behalf, is a fault of the check.
async fn ask<C: AuthCheck>(check: &C, inquiry: Inquiry<'_>) -> Evaluation {
    let mut evaluation = match catch_unwind(AssertUnwindSafe(|| check.evaluate(inquiry))) {
        Ok(evaluation) => evaluation,
        Err(panic) => return panicked(&*panic),
    };
    std::future::poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| evaluation.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(panic) => Poll::Ready(panicked(&*panic)),
    })
    .await
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Evaluation {
    Outcome::Masked(Fault::new(Cause::Native, format!("panicked: {}", panic_message(panic)))).into()
}
