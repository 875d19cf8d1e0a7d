//! Lists of checks: the only place where outcomes become a decision.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest};
use crate::context::AuthContext;
use crate::decision::{Decision, DecisionId, Denial};
use crate::native::panic_message;
use crate::outcome::{Cause, Evaluation, Fault, Outcome};
use crate::report::{CheckReport, Report};

/// What a list of checks is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// For one decision, or for all of a batch.
    pub(crate) deadline: Duration,
    pub(crate) name_missing_scopes: bool,
}

/// Asks each check about one request.
pub(crate) async fn run<C: AuthCheck>(checks: &[C], context: &AuthContext, manner: Manner) -> Report {
    let mut run = Run::new(context, manner, Instant::now(), checks.len());
    for (index, check) in checks.iter().enumerate() {
        let inquiry = run.inquiry();
        let evaluation = settle(|| check.evaluate(inquiry), inquiry.end).await;
        if run.take(index, check, evaluation).is_break() {
            break;
        }
    }
    run.finish()
}

/// Asks each check about all requests that are not denied yet: the reports are those of as many runs.
pub(crate) async fn run_batch<C: AuthCheck>(checks: &[C], contexts: &[AuthContext], manner: Manner) -> Vec<Report> {
    let start = Instant::now();
    let mut runs: Vec<(Run<'_>, bool)> =
        contexts.iter().map(|context| (Run::new(context, manner, start, checks.len()), true)).collect();
    for (index, check) in checks.iter().enumerate() {
        let mut session = None;
        for (run, goes_on) in runs.iter_mut().filter(|(_, goes_on)| *goes_on) {
            let inquiry = run.inquiry();
            let evaluation = match caught(|| session.take().unwrap_or_else(|| check.session())) {
                Ok(mut open) => {
                    let evaluation = settle(|| open.evaluate(inquiry), inquiry.end).await;
                    // A session in which something failed may be in no state to go on.
                    let is_sound = !matches!(evaluation.outcome, Outcome::Failed(_));
                    session = is_sound.then_some(open);
                    evaluation
                }
                Err(panicked) => panicked,
            };
            *goes_on = run.take(index, check, evaluation).is_continue();
        }
    }
    runs.into_iter().map(|(run, _)| run.finish()).collect()
}

/// One decision while it is made.
struct Run<'a> {
    context: &'a AuthContext,
    name_missing_scopes: bool,
    start: Instant,
    end: Instant,
    id: DecisionId,
    reports: Vec<CheckReport>,
    decided_by: Option<usize>,
    decision: Decision,
    missing_scopes: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(context: &'a AuthContext, manner: Manner, start: Instant, checks: usize) -> Self {
        Self {
            context,
            name_missing_scopes: manner.name_missing_scopes,
            start,
            end: start + manner.deadline,
            id: DecisionId::random(),
            reports: Vec::with_capacity(checks),
            decided_by: None,
            decision: Decision::Allow,
            missing_scopes: Vec::new(),
        }
    }

    fn inquiry(&self) -> EvaluationRequest<'a> {
        EvaluationRequest {
            context: self.context,
            decision: self.id,
            name_missing_scopes: self.name_missing_scopes,
            end: self.end,
        }
    }

    /// Takes the answer of one check, and says whether the next is asked.
    fn take<C: AuthCheck>(&mut self, index: usize, check: &C, evaluation: Evaluation) -> ControlFlow<()> {
        // Also a check that panics when it is asked its name is a fault.
        let (mut report, names_missing_scopes) =
            caught(|| (CheckReport::new(check, evaluation), check.names_missing_scopes()))
                .unwrap_or_else(|panicked| (CheckReport::nameless(panicked), false));
        report.missing_scopes = put_right(report.missing_scopes, self.context);
        report.record(self.id);
        let goes_on = self.name_missing_scopes && report.outcome == Outcome::Denied && names_missing_scopes;
        if goes_on {
            self.missing_scopes.extend_from_slice(&report.missing_scopes);
        }
        let allows = report.outcome == Outcome::Allow;
        let message = match &report.outcome {
            Outcome::DeniedWithMessage(error) => Some(error.message.clone()),
            Outcome::Allow | Outcome::Denied | Outcome::Failed(_) => None,
        };
        self.reports.push(report);
        if allows {
            return ControlFlow::Continue(());
        }
        self.decision = Decision::Deny(Denial { id: self.id, message, missing_scopes: Vec::new() });
        if goes_on {
            self.decided_by.get_or_insert(index);
            return ControlFlow::Continue(());
        }
        self.decided_by = Some(index);
        self.missing_scopes.clear();
        ControlFlow::Break(())
    }

    fn finish(mut self) -> Report {
        if let Decision::Deny(denial) = &mut self.decision {
            denial.missing_scopes = put_right(self.missing_scopes, self.context);
        }
        let Self { id, decision, reports, decided_by, start, .. } = self;
        let report = Report { id, decision, checks: reports, decided_by, elapsed: start.elapsed() };
        report.record();
        report
    }
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

/// Whoever keeps the deadline by himself, as every plugin does, knows more about it: he is given the time to say so.
const GRACE: Duration = Duration::from_millis(10);

/// Waits for an answer until `end`. A panic in a check, or in the host on its behalf, is a fault of the check: also one
/// that comes only when its answer is put away.
async fn settle<'a>(ask: impl FnOnce() -> EvaluationFuture<'a>, end: Instant) -> Evaluation {
    if Instant::now() >= end {
        return late();
    }
    let mut future = match caught(ask) {
        Ok(future) => Some(future),
        Err(panicked) => return panicked,
    };
    // Most checks are never waited for, and need no timer.
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(move |context| {
        let poll = caught(|| match &mut future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        });
        let evaluation = match poll {
            Ok(Poll::Pending) => {
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until((end + GRACE).into())));
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                late()
            }
            Ok(Poll::Ready(evaluation)) => evaluation,
            Err(panicked) => panicked,
        };
        let done = future.take();
        Poll::Ready(caught(|| drop(done)).map_or_else(|panicked| panicked, |()| evaluation))
    })
    .await
}

fn late() -> Evaluation {
    Outcome::Failed(Fault::new(Cause::Deadline, "no answer within the deadline of the decision")).into()
}

#[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Evaluation> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Outcome::Failed(Fault::new(Cause::Native, format!("panicked: {}", panic_message(&*panic)))).into()
    })
}
