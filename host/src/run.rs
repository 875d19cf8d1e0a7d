//! Lists of checks: the only place where outcomes become a decision.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::auth_check::{AuthCheck, EvaluationFuture, Inquiry};
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
        let (mut report, is_scope_aware) = ask(check, inquiry).await;
        report.missing_scopes = put_right(report.missing_scopes, context);
        report.record(id);
        let goes_on = with_shortfall && report.outcome == Outcome::Refused && is_scope_aware;
        if goes_on {
            shortfall.extend_from_slice(&report.missing_scopes);
        }
        let allows = report.outcome == Outcome::Allow;
        let message = match &report.outcome {
            Outcome::Explicit(error) => Some(error.message.clone()),
            Outcome::Allow | Outcome::Refused | Outcome::Masked(_) => None,
        };
        reports.push(report);
        if allows {
            continue;
        }
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
        denial.missing_scopes = put_right(shortfall, context);
    }

    let report = Report { id, decision, checks: reports, decided_by, elapsed: start.elapsed() };
    report.record();
    report
}

/// Rule U2, whatever a check says: nothing without a token, nothing that the token has, and each once.
fn put_right(mut named: Vec<String>, context: &AuthContext) -> Vec<String> {
    let Some(token) = &context.token else { return Vec::new() };
    named.retain(|scope| !token.has_scope(scope));
    named.sort_unstable();
    named.dedup();
    named
}

/// The denial of a request that no check could be asked about, because the host has no thread to wait in.
pub(crate) fn impossible(fault: &Fault) -> Report {
    let id = DecisionId::random();
    tracing::warn!(target: "guardhouse", decision = %id, cause = %fault.cause, detail = ?fault.detail, "no check could be asked");
    let decision = Decision::Deny(Denial { id, message: None, missing_scopes: Vec::new() });
    let report = Report { id, decision, checks: Vec::new(), decided_by: None, elapsed: Duration::ZERO };
    report.record();
    report
}

/// Asks one check, and whether scopes are all that it may have denied for. A panic in it, or in the host on its
/// behalf, is a fault of the check: also one that comes only when its answer is put away, or when it is asked its name.
async fn ask<C: AuthCheck>(check: &C, inquiry: Inquiry<'_>) -> (CheckReport, bool) {
    let evaluation = match caught(|| check.evaluate(inquiry)) {
        Ok(future) => settle(future).await,
        Err(panicked) => panicked,
    };
    caught(|| (CheckReport::new(check, evaluation), check.is_scope_aware()))
        .unwrap_or_else(|panicked| (CheckReport::nameless(panicked), false))
}

async fn settle(future: EvaluationFuture<'_>) -> Evaluation {
    let mut future = Some(future);
    std::future::poll_fn(move |context| {
        let poll = caught(|| match &mut future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        });
        let evaluation = match poll {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(evaluation)) => evaluation,
            Err(panicked) => panicked,
        };
        let done = future.take();
        Poll::Ready(caught(|| drop(done)).map_or_else(|panicked| panicked, |()| evaluation))
    })
    .await
}

#[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Evaluation> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Outcome::Masked(Fault::new(Cause::Native, format!("panicked: {}", panic_message(&*panic)))).into()
    })
}
