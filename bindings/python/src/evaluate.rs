//! Evaluation of checks, for an event loop or a thread.

use std::sync::Arc;

use guardhouse::{AuthCheck, AuthChecks, AuthContext};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::check::{Check, Inner};
use crate::completion_queue::CompletionQueue;
use crate::host::Host;
use crate::report::Report;

/// An evaluation that may still be running.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct PendingEvaluation(AbortHandle);

#[pymethods]
impl PendingEvaluation {
    /// Stops the evaluation, whose decision is no longer needed.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// Evaluates the checks in a thread of the host, and queues the decision under `key`.
#[pyfunction]
pub(crate) fn submit(
    host: &Bound<'_, Host>,
    queue: &Bound<'_, CompletionQueue>,
    key: u64,
    checks: Vec<Bound<'_, Check>>,
    context: Vec<u8>,
    name_missing_scopes: bool,
) -> PyResult<PendingEvaluation> {
    let checks = inner(&checks)?;
    let threads = host.get().threads()?;
    let completion = queue.get().reserve(key);
    let task = threads.spawn(async move {
        completion.complete(decide(checks, &context, name_missing_scopes).await);
    });
    Ok(PendingEvaluation(task.abort_handle()))
}

/// Evaluates the checks and waits for the decision, without the interpreter's lock.
#[pyfunction]
pub(crate) fn evaluate_blocking(
    py: Python<'_>,
    host: &Bound<'_, Host>,
    checks: Vec<Bound<'_, Check>>,
    context: Vec<u8>,
    name_missing_scopes: bool,
) -> PyResult<Report> {
    let checks = inner(&checks)?;
    let threads = host.get().threads()?;
    let report = py.detach(|| threads.block_on(decide(checks, &context, name_missing_scopes)));
    Report::new(py, report.map_err(PyRuntimeError::new_err)?)
}

fn inner(checks: &[Bound<'_, Check>]) -> PyResult<Vec<Inner>> {
    checks.iter().map(|check| check.get().get().cloned()).collect()
}

/// The decision, or an error if the request is invalid.
async fn decide(checks: Vec<Inner>, context: &[u8], name_missing_scopes: bool) -> Result<guardhouse::Report, String> {
    let context = AuthContext::from_slice(context).map_err(|error| format!("the request is invalid: {error}"))?;
    let checks: Vec<Arc<dyn AuthCheck>> = checks.into_iter().map(|check| check.check).collect();
    let mut run = AuthChecks::new(&checks);
    if name_missing_scopes {
        run = run.name_missing_scopes();
    }
    Ok(run.explain(&context).await)
}
