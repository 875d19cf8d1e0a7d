//! Evaluation of checks, for an event loop or a thread.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use guardhouse::{AuthCheck, AuthChecks, AuthContext};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::check::{Check, Inner};
use crate::completion_queue::CompletionQueue;
use crate::host::Host;
use crate::report::{Report, reports};
use crate::request::Request;

/// An evaluation that may still be running.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct PendingEvaluation {
    task: AbortHandle,
    /// Whether the thread of the event loop spent a tick on it.
    #[pyo3(get)]
    met_tick: bool,
}

#[pymethods]
impl PendingEvaluation {
    /// Stops the evaluation, whose decisions are no longer needed.
    fn cancel(&self) {
        self.task.abort();
    }
}

/// Evaluates the checks for each request, and returns the decisions if `on_the_spot` is set and the checks answer fast
/// enough: this thread spends at most one tick. Otherwise the evaluation goes on in a thread of the host, and its
/// decisions are queued under `key`.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "an object for them would cost more than the call")]
pub(crate) fn submit<'py>(
    py: Python<'py>,
    host: &Bound<'py, Host>,
    queue: &Bound<'py, CompletionQueue>,
    key: u64,
    checks: Vec<Bound<'py, Check>>,
    requests: Vec<Request>,
    name_missing_scopes: bool,
    on_the_spot: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let checks = inner(&checks)?;
    let threads = host.get().threads()?;
    let start = Instant::now();
    let is_fast = on_the_spot && checks.iter().all(|check| check.is_fast(start));
    let mut decisions = decisions(checks.clone(), requests, name_missing_scopes);
    let mut met_tick = false;
    if is_fast {
        match poll_once(py, host, &checks, &mut decisions)? {
            Ok(found) => return reports(py, found)?.into_bound_py_any(py),
            Err(met) => met_tick = met,
        }
    }
    let completion = queue.get().reserve(key);
    let task = threads.spawn(async move { completion.complete(Ok(decisions.await)) });
    PendingEvaluation { task: task.abort_handle(), met_tick }.into_bound_py_any(py)
}

/// Evaluates the checks in this thread, which spends at most one tick. Returns the decision, or none if it is not made by
/// then, or a check cannot be asked here.
#[pyfunction]
pub(crate) fn evaluate_on_the_spot(
    py: Python<'_>,
    host: &Bound<'_, Host>,
    checks: Vec<Bound<'_, Check>>,
    request: Request,
    name_missing_scopes: bool,
) -> PyResult<Option<Py<Report>>> {
    let checks = inner(&checks)?;
    let start = Instant::now();
    if !checks.iter().all(|check| check.can_be_fast(start)) {
        return Ok(None);
    }
    let mut decisions = decisions(checks.clone(), vec![request], name_missing_scopes);
    match poll_once(py, host, &checks, &mut decisions)? {
        Ok(found) => Ok(reports(py, found)?.pop()),
        Err(_) => Ok(None),
    }
}

/// Evaluates the checks and waits for the decision, without the interpreter's lock.
#[pyfunction]
pub(crate) fn evaluate_blocking(
    py: Python<'_>,
    host: &Bound<'_, Host>,
    checks: Vec<Bound<'_, Check>>,
    request: Request,
    name_missing_scopes: bool,
) -> PyResult<Option<Py<Report>>> {
    let decisions = decisions(inner(&checks)?, vec![request], name_missing_scopes);
    let threads = host.get().threads()?;
    let found = py.detach(|| threads.block_on(decisions));
    Ok(reports(py, found)?.pop())
}

fn inner(checks: &[Bound<'_, Check>]) -> PyResult<Vec<Inner>> {
    checks.iter().map(|check| check.get().get().cloned()).collect()
}

type Decisions = Pin<Box<dyn Future<Output = Vec<guardhouse::Report>> + Send>>;

/// The decisions about the requests. Several are a batch.
fn decisions(checks: Vec<Inner>, requests: Vec<Request>, name_missing_scopes: bool) -> Decisions {
    let contexts: Vec<AuthContext> = requests.into_iter().map(Request::into_context).collect();
    Box::pin(async move {
        let listed: Vec<Arc<dyn AuthCheck>> = checks.iter().map(|check| Arc::clone(&check.check)).collect();
        let run = AuthChecks::new(&listed);
        let run = if name_missing_scopes { run.name_missing_scopes() } else { run };
        let reports = match contexts.as_slice() {
            [context] => vec![run.explain(context).await],
            contexts => run.explain_batch(contexts).await,
        };
        for report in &reports {
            for (check, report) in checks.iter().zip(&report.checks) {
                check.pace.add(report.evaluation.usage.elapsed);
            }
        }
        reports
    })
}

/// Polls the decisions once, without the interpreter's lock. A guest that computes yields at the next tick. The error says
/// whether the checks spent a tick in this thread; if so, they are not asked here again for a while.
fn poll_once(
    py: Python<'_>,
    host: &Bound<'_, Host>,
    checks: &[Inner],
    decisions: &mut Decisions,
) -> PyResult<Result<Vec<guardhouse::Report>, bool>> {
    let (threads, tick) = (host.get().threads()?, host.get().tick());
    let start = Instant::now();
    let polled = py.detach(|| {
        let _entered = threads.enter();
        // The threads of the host poll it again, with a waker of their own.
        decisions.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    Ok(match polled {
        Poll::Ready(found) => Ok(found),
        Poll::Pending => {
            let now = Instant::now();
            let met_tick = now.saturating_duration_since(start) >= tick / 2;
            if met_tick {
                checks.iter().for_each(|check| check.pace.pause(now));
            }
            Err(met_tick)
        }
    })
}
