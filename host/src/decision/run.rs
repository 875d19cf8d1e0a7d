//! Runs of checks: the only place where outcomes become a decision.

use std::fmt::Display;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::decision::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest, MAX_DEADLINE, Session};
use crate::decision::report::{CheckReport, Report};
use crate::decision::{Decision, DecisionId, Denial};
use crate::fault::{Cause, Fault};
use crate::outcome::{Evaluation, Outcome};
use crate::request::AuthContext;
use crate::tuning::DECISION_GRACE;
use crate::util::panic::catch;

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunOptions {
    /// The time for one decision, or for all decisions of a batch, if it is bounded beyond the deadlines of the checks.
    pub(super) deadline: Option<Duration>,
    pub(super) name_missing_scopes: bool,
}

/// Evaluates the checks for one request.
pub(super) async fn run<C: AuthCheck>(checks: &[C], context: &AuthContext, options: RunOptions) -> Report {
    let mut run = Run::new(context, options, Instant::now(), checks.len());
    for (index, check) in checks.iter().enumerate() {
        let evaluation = match run.request(check) {
            Ok(request) => evaluate_caught(|| check.evaluate(request), request.end).await,
            Err(failed) => failed,
        };
        run.take(index, check, evaluation);
        if run.is_over {
            break;
        }
    }
    run.finish()
}

/// Evaluates each check for all requests that are not denied yet. The reports are equal to those of separate runs.
pub(super) async fn run_batch<C: AuthCheck>(
    checks: &[C],
    contexts: &[AuthContext],
    options: RunOptions,
) -> Vec<Report> {
    let start = Instant::now();
    let mut runs: Vec<Run<'_>> =
        contexts.iter().map(|context| Run::new(context, options, start, checks.len())).collect();
    for (index, check) in checks.iter().enumerate() {
        let mut session = None;
        for run in runs.iter_mut().filter(|run| !run.is_over) {
            let opened = run
                .request(check)
                .map(|request| (request, caught(|| session.take().unwrap_or_else(|| check.session()))));
            let evaluation = match opened {
                Ok((request, Ok(mut open))) => {
                    let evaluation = evaluate_caught(|| open.evaluate(request), request.end).await;
                    // After a failure the state of the session may be inconsistent, so the next request gets a new
                    // session.
                    match evaluation.outcome {
                        Outcome::Failed(_) => end_session(check, open),
                        Outcome::Allow | Outcome::Denied | Outcome::DeniedWithMessage(_) => session = Some(open),
                    }
                    evaluation
                }
                Ok((_, Err(failed))) | Err(failed) => failed,
            };
            run.take(index, check, evaluation);
        }
        if let Some(session) = session {
            end_session(check, session);
        }
    }
    runs.into_iter().map(Run::finish).collect()
}

/// Ends a session, after its answers were taken. A panic of the check's code changes none of them.
fn end_session<C: AuthCheck>(check: &C, session: Box<dyn Session + '_>) {
    if let Err(message) = catch(|| drop(session)) {
        let check = catch(|| check.id().to_owned()).unwrap_or_default();
        tracing::warn!(target: "guardhouse", ?check, ?message, "a check panicked when its batch ended");
    }
}

/// The state of one run, which ends with a decision.
struct Run<'a> {
    context: &'a AuthContext,
    name_missing_scopes: bool,
    start: Instant,
    /// The deadline of the decision, if it has one of its own.
    end: Option<Instant>,
    id: DecisionId,
    reports: Vec<CheckReport>,
    decided_by: Option<usize>,
    decision: Decision,
    missing_scopes: Vec<String>,
    /// Whether no further check is evaluated.
    is_over: bool,
}

impl<'a> Run<'a> {
    fn new(context: &'a AuthContext, options: RunOptions, start: Instant, checks: usize) -> Self {
        Self {
            context,
            name_missing_scopes: options.name_missing_scopes,
            start,
            end: options.deadline.map(|deadline| start + deadline),
            id: DecisionId::random(),
            reports: Vec::with_capacity(checks),
            decided_by: None,
            decision: Decision::Allow,
            missing_scopes: Vec::new(),
            is_over: false,
        }
    }

    /// The request to one check, with the deadline that comes first: that of the check, or that of the decision.
    #[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
    fn request<C: AuthCheck>(&self, check: &C) -> Result<EvaluationRequest<'a>, Evaluation> {
        let own = Instant::now() + caught(|| check.deadline())?.min(MAX_DEADLINE);
        Ok(EvaluationRequest {
            context: self.context,
            decision: self.id,
            name_missing_scopes: self.name_missing_scopes,
            end: self.end.map_or(own, |end| own.min(end)),
        })
    }

    /// Takes the evaluation of one check. Afterwards the run [is over](Self::is_over), or continues with the next check.
    fn take<C: AuthCheck>(&mut self, index: usize, check: &C, evaluation: Evaluation) {
        // A check that panics in `id` or `names_missing_scopes` fails too.
        let (mut report, can_name) = caught(|| (CheckReport::new(check, evaluation), check.names_missing_scopes()))
            .unwrap_or_else(|failed| (CheckReport::nameless(failed), false));
        let named = std::mem::take(&mut report.evaluation.missing_scopes);
        report.evaluation.missing_scopes = normalize_missing_scopes(named, self.context);
        report.record(self.id);
        let Evaluation { outcome, missing_scopes, .. } = &report.evaluation;
        let continues = self.name_missing_scopes && *outcome == Outcome::Denied && can_name;
        if continues {
            self.missing_scopes.extend_from_slice(missing_scopes);
        }
        let allows = *outcome == Outcome::Allow;
        let message = match outcome {
            Outcome::DeniedWithMessage(error) => Some(error.message.clone()),
            Outcome::Allow | Outcome::Denied | Outcome::Failed(_) => None,
        };
        self.reports.push(report);
        if allows {
            return;
        }
        self.decision = Decision::Deny(Denial { message, ..Denial::new(self.id) });
        if continues {
            self.decided_by.get_or_insert(index);
            return;
        }
        self.decided_by = Some(index);
        self.missing_scopes.clear();
        self.is_over = true;
    }

    fn finish(mut self) -> Report {
        if let Decision::Deny(denial) = &mut self.decision {
            denial.missing_scopes = normalize_missing_scopes(self.missing_scopes, self.context);
        }
        let Self { id, decision, reports, decided_by, start, .. } = self;
        let report = Report { id, decision, checks: reports, decided_by, elapsed: start.elapsed() };
        report.record();
        report
    }
}

/// Enforces rule U2 on scopes that checks named: none without a token, none that the token holds, and each once.
fn normalize_missing_scopes(mut named: Vec<String>, context: &AuthContext) -> Vec<String> {
    let Some(token) = &context.token else { return Vec::new() };
    named.retain(|scope| !token.has_scope(scope));
    named.sort_unstable();
    named.dedup();
    named
}

/// The denial of a request for which no check could be evaluated, because the thread for timers cannot be started.
pub(super) fn denied_unasked(error: &dyn Display) -> Report {
    let id = DecisionId::random();
    let (cause, detail) = (Cause::Host, error.to_string());
    tracing::warn!(target: "guardhouse", decision = %id, %cause, ?detail, "no check could be evaluated");
    let decision = Decision::Deny(Denial::new(id));
    let report = Report { id, decision, checks: Vec::new(), decided_by: None, elapsed: Duration::ZERO };
    report.record();
    report
}

/// Evaluates until `end`. A panic in a check, or in the host on its behalf, is a fault of the check, including a panic
/// while its future is dropped.
async fn evaluate_caught<'a>(evaluate: impl FnOnce() -> EvaluationFuture<'a>, end: Instant) -> Evaluation {
    if Instant::now() >= end {
        return deadline_passed();
    }
    let mut future = match caught(evaluate) {
        Ok(future) => Some(future),
        Err(failed) => return failed,
    };
    // Most checks are ready at the first poll and need no timer.
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(move |context| {
        let poll = caught(|| match &mut future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        });
        let evaluation = match poll {
            Ok(Poll::Pending) => {
                let end = end + DECISION_GRACE;
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end.into())));
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                deadline_passed()
            }
            Ok(Poll::Ready(evaluation)) => evaluation,
            Err(failed) => failed,
        };
        let done = future.take();
        let evaluation = caught(|| drop(done)).map_or_else(|failed| failed, |()| evaluation);
        // A check that never yielded could not be stopped. Its answer is late all the same.
        let is_late = evaluation.outcome == Outcome::Allow && Instant::now() > end + DECISION_GRACE;
        Poll::Ready(if is_late { deadline_passed() } else { evaluation })
    })
    .await
}

fn deadline_passed() -> Evaluation {
    Outcome::Failed(Fault::new(Cause::Deadline, "no answer within the deadline")).into()
}

/// Runs a check's code. The error is the evaluation of a check that panicked.
#[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Evaluation> {
    catch(work).map_err(|message| Outcome::native_fault(format!("panicked: {message}")).into())
}
