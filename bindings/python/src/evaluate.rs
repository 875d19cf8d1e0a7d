//! Evaluation of checks, for an event loop or a thread.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use guardhouse::{AuthCheck, AuthChecks, AuthContext};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use tokio::task::{AbortHandle, JoinSet};

use crate::check::{Check, Inner};
use crate::completion_queue::CompletionQueue;
use crate::host::{Host, Threads};
use crate::report::{Report, reports};
use crate::request::Request;
use crate::thread_clock::Reading;

/// The number of requests from which a part of a batch is worth a thread.
const MIN_PART: usize = 32;

/// An evaluation that is not finished. It goes on once it has a queue for its decisions.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct PendingEvaluation {
    decisions: Mutex<Option<Found>>,
    task: OnceLock<AbortHandle>,
    /// Whether the calling thread spent a tick on it.
    #[pyo3(get)]
    met_tick: bool,
}

#[pymethods]
impl PendingEvaluation {
    /// Goes on in threads of the host. The decisions are queued under `key`, once.
    fn go_on(&self, host: &Bound<'_, Host>, queue: &Bound<'_, CompletionQueue>, key: u64) -> PyResult<()> {
        let completion = queue.get().reserve(key);
        let decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(decisions) = decisions {
            let task = host.get().threads()?.handle.spawn(async move { completion.complete(decisions.await) });
            self.task.get_or_init(|| task.abort_handle());
        }
        Ok(())
    }

    /// Stops the evaluation, whose decisions are no longer needed.
    fn cancel(&self) {
        drop(self.decisions.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Evaluates the checks for each request. Returns the decisions if `on_the_spot` is set and the checks answer fast
/// enough: this thread spends at most two ticks. Otherwise returns an evaluation that has to go on.
#[pyfunction]
pub(crate) fn begin<'py>(
    py: Python<'py>,
    host: &Bound<'py, Host>,
    checks: Vec<Bound<'py, Check>>,
    requests: Vec<Request>,
    name_missing_scopes: bool,
    on_the_spot: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (checks, threads) = (inner(&checks)?, host.get().threads()?);
    let start = Instant::now();
    let answers = requests.len();
    let contexts = requests.into_iter().map(Request::into_context).collect();
    let pending = |decisions: Found, met_tick| {
        let decisions = Mutex::new(Some(decisions));
        PendingEvaluation { decisions, task: OnceLock::new(), met_tick }.into_bound_py_any(py)
    };
    if !on_the_spot || !are_fast(&checks, answers, threads.tick, start) {
        let parts = answers.div_ceil(MIN_PART).clamp(1, threads.handle.metrics().num_workers());
        return pending(Box::pin(decisions_in_parts(checks, contexts, name_missing_scopes, parts)), false);
    }
    let mut decisions = decisions(checks.clone(), contexts, name_missing_scopes);
    match poll_once(py, threads, &checks, &mut decisions) {
        Ok(found) => reports(py, found)?.into_bound_py_any(py),
        Err(met_tick) => pending(Box::pin(async move { Ok(decisions.await) }), met_tick),
    }
}

/// Evaluates the checks in this thread, which spends at most two ticks. Returns the decision, or none if it is not
/// made by then, or a check cannot be asked here.
#[pyfunction]
pub(crate) fn evaluate_on_the_spot(
    py: Python<'_>,
    host: &Bound<'_, Host>,
    checks: Vec<Bound<'_, Check>>,
    request: Request,
    name_missing_scopes: bool,
) -> PyResult<Option<Py<Report>>> {
    let (checks, threads) = (inner(&checks)?, host.get().threads()?);
    let start = Instant::now();
    if !checks.iter().all(|check| check.can_be_fast(start)) {
        return Ok(None);
    }
    let mut decisions = decisions(checks.clone(), vec![request.into_context()], name_missing_scopes);
    match poll_once(py, threads, &checks, &mut decisions) {
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
    let decisions = decisions(inner(&checks)?, vec![request.into_context()], name_missing_scopes);
    let threads = host.get().threads()?;
    let found = py.detach(|| threads.handle.block_on(decisions));
    Ok(reports(py, found)?.pop())
}

/// The checks of one evaluation, shared with its future.
type Checks = Arc<[Arc<Inner>]>;

fn inner(checks: &[Bound<'_, Check>]) -> PyResult<Checks> {
    checks.iter().map(|check| check.get().get().cloned()).collect()
}

type Decisions = Pin<Box<dyn Future<Output = Vec<guardhouse::Report>> + Send>>;

/// Decisions, or the reason why there are none.
type Found = Pin<Box<dyn Future<Output = Result<Vec<guardhouse::Report>, String>> + Send>>;

/// The decisions about the requests. Several are a batch.
fn decisions(checks: Checks, contexts: Vec<AuthContext>, name_missing_scopes: bool) -> Decisions {
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
                check.pace.add(report.evaluation.usage.cpu_time);
            }
        }
        reports
    })
}

/// The decisions of a batch, made by several threads, each of which makes one part.
async fn decisions_in_parts(
    checks: Checks,
    mut contexts: Vec<AuthContext>,
    name_missing_scopes: bool,
    parts: usize,
) -> Result<Vec<guardhouse::Report>, String> {
    let size = contexts.len().div_ceil(parts).max(1);
    let mut tasks = JoinSet::new();
    while contexts.len() > size {
        let rest = contexts.split_off(size);
        let part = decisions(checks.clone(), std::mem::replace(&mut contexts, rest), name_missing_scopes);
        let index = tasks.len();
        tasks.spawn(async move { (index, part.await) });
    }
    // This task makes the last part itself.
    let mut made = vec![(tasks.len(), decisions(checks, contexts, name_missing_scopes).await)];
    while let Some(part) = tasks.join_next().await {
        made.push(part.map_err(|error| format!("a part of the batch ended without decisions: {error}"))?);
    }
    made.sort_unstable_by_key(|(index, _)| *index);
    Ok(made.into_iter().flat_map(|(_, reports)| reports).collect())
}

/// Whether the checks are expected to give this many answers each within half a tick, all together.
fn are_fast(checks: &[Arc<Inner>], answers: usize, tick: Duration, now: Instant) -> bool {
    let answers = u32::try_from(answers).unwrap_or(u32::MAX);
    let expected = checks.iter().try_fold(Duration::ZERO, |sum, check| Some(sum.saturating_add(check.expected(now)?)));
    expected.is_some_and(|expected| expected.saturating_mul(answers) < tick / 2)
}

/// Polls the decisions once, without the interpreter's lock. A guest that computes yields at the first tick after half
/// a tick. The error says whether the checks spent half a tick or more in this thread; if so, they are not asked here
/// again for a while.
fn poll_once(
    py: Python<'_>,
    Threads { handle, tick }: Threads<'_>,
    checks: &[Arc<Inner>],
    decisions: &mut Decisions,
) -> Result<Vec<guardhouse::Report>, bool> {
    let start = Instant::now();
    // It may be a little older than the start.
    let clock = Reading::recent(tick / 8);
    let polled = py.detach(|| {
        let _entered = handle.enter();
        // The threads of the host poll it again, with a waker of their own.
        decisions.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    });
    // By the processor time of this thread: other threads may have taken its processor meanwhile.
    let spent = |time| start.elapsed() >= time && clock.elapsed() >= time;
    let met_tick = if polled.is_ready() { spent(tick) } else { spent(tick / 2) };
    if met_tick {
        checks.iter().for_each(|check| check.pace.pause(Instant::now()));
    }
    match polled {
        Poll::Ready(found) => Ok(found),
        Poll::Pending => Err(met_tick),
    }
}
