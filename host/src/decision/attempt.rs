//! One attempt to evaluate a check: it ends in time, and a panic is a fault of the check.

use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use tokio::time::Sleep;

use crate::decision::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest, MAX_DEADLINE, Session};
use crate::fault::{Cause, Fault};
use crate::outcome::{CheckReport, Evaluation, Identity, Outcome};
use crate::tuning::{DEADLINE_GRACE, LATE_ANSWER};
use crate::util::panic::catch;

/// Asks a check, within its own deadline and that of the request.
pub(super) async fn ask<'a>(check: &'a dyn AuthCheck, request: EvaluationRequest<'a>) -> Evaluation {
    match within_own_deadline(check, request) {
        Ok(request) => attempt(|| check.evaluate(request), request.end).await,
        Err(failed) => failed,
    }
}

/// The request with the deadline that comes first. The error is the evaluation of a check that has no time left.
#[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
fn within_own_deadline<'a>(
    check: &dyn AuthCheck,
    request: EvaluationRequest<'a>,
) -> Result<EvaluationRequest<'a>, Evaluation> {
    let now = Instant::now();
    let end = request.end.min(now + caught(|| check.deadline())?.min(MAX_DEADLINE));
    if end <= now { Err(deadline_passed()) } else { Ok(request.until(end)) }
}

/// Evaluates until `end`. A panic in a check, or in the host on its behalf, is a fault of the check, including a panic
/// while its future is dropped.
async fn attempt<'a>(evaluate: impl FnOnce() -> EvaluationFuture<'a>, end: Instant) -> Evaluation {
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
                let end = end + DEADLINE_GRACE;
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
        // A check that never yielded could not be stopped. Its answer is late all the same: an allow, and a denial that
        // a negation would make an allow.
        let is_final = matches!(evaluation.outcome, Outcome::DeniedWithMessage(_) | Outcome::Failed(_));
        let is_late = !is_final && Instant::now() > end + LATE_ANSWER;
        Poll::Ready(if is_late { deadline_passed() } else { evaluation })
    })
    .await
}

/// The session of a check in one batch, opened when the first request needs it.
pub(super) struct OpenSession<'a>(Option<Box<dyn Session + 'a>>);

impl<'a> OpenSession<'a> {
    pub(super) fn new() -> Self {
        Self(None)
    }

    /// Evaluates the next request of the batch. After a failure the state of the session may be inconsistent, so the
    /// next request gets a new session.
    pub(super) async fn evaluate(&mut self, check: &'a dyn AuthCheck, request: EvaluationRequest<'_>) -> Evaluation {
        let request = match within_own_deadline(check, request) {
            Ok(request) => request,
            Err(failed) => return failed,
        };
        let session = self.0.take();
        let mut open = match caught(|| session.unwrap_or_else(|| check.session())) {
            Ok(open) => open,
            Err(failed) => return failed,
        };
        let evaluation = attempt(|| open.evaluate(request), request.end).await;
        self.0 = Some(open);
        if let Outcome::Failed(_) = evaluation.outcome {
            self.end(check);
        }
        evaluation
    }

    /// Ends the session, after its answers were taken. A panic of the check's code changes none of them.
    pub(super) fn end(&mut self, check: &dyn AuthCheck) {
        let session = self.0.take();
        if let Err(message) = catch(|| drop(session)) {
            let check = catch(|| check.id().to_owned()).unwrap_or_default();
            tracing::warn!(target: "guardhouse", ?check, ?message, "a check panicked when its batch ended");
        }
    }
}

/// The report of an evaluation. A check that panics in [`AuthCheck::id`] or [`AuthCheck::identity`] fails.
pub(super) fn report(check: &dyn AuthCheck, evaluation: Evaluation) -> CheckReport {
    caught(|| CheckReport { id: check.id().to_owned(), identity: check.identity(), evaluation })
        .unwrap_or_else(|evaluation| CheckReport { id: String::new(), identity: Identity::default(), evaluation })
}

fn deadline_passed() -> Evaluation {
    Outcome::Failed(Fault::new(Cause::Deadline, "no answer within the deadline")).into()
}

/// Runs a check's code. The error is the evaluation of a check that panicked.
#[expect(clippy::result_large_err, reason = "a panic is rare, and its report is not passed on")]
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Evaluation> {
    catch(work).map_err(|message| Outcome::native_fault(format!("panicked: {message}")).into())
}
