//! Asking checks about a request, from an event loop or a thread.

use std::sync::Arc;

use guardhouse::{AuthCheck, AuthChecks, AuthContext};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::bell::Bell;
use crate::check::{self, Check, Inner};
use crate::host::Host;
use crate::report::Report;

/// A question that is being answered.
#[pyclass(frozen, module = "guardhouse._native")]
pub(crate) struct Question(AbortHandle);

#[pymethods]
impl Question {
    /// Nobody waits for the answer any more.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// Asks the checks in another thread; `bell` rings when the decision is there.
#[pyfunction]
pub(crate) fn ask(
    host: &Bound<'_, Host>,
    bell: &Bound<'_, Bell>,
    ticket: u64,
    checks: Vec<Bound<'_, Check>>,
    context: Vec<u8>,
    name_missing_scopes: bool,
) -> PyResult<Question> {
    let checks = inner(&checks)?;
    let threads = host.get().threads()?;
    let expected = bell.get().expect(ticket);
    let task = threads.spawn(async move {
        let answer = decide(checks, &context, name_missing_scopes).await;
        expected.answer(answer);
    });
    Ok(Question(task.abort_handle()))
}

/// Asks the checks and waits for the decision, without the interpreter's lock.
#[pyfunction]
pub(crate) fn ask_and_wait(
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

/// An error says why the request cannot even be read.
async fn decide(checks: Vec<Inner>, context: &[u8], name_missing_scopes: bool) -> Result<guardhouse::Report, String> {
    let context = AuthContext::from_json(context).map_err(|error| format!("the request cannot be read: {error}"))?;
    let deadline = check::deadline(&checks);
    let checks: Vec<Arc<dyn AuthCheck>> = checks.into_iter().map(|check| check.check).collect();
    let mut asked = AuthChecks::new(&checks).deadline(deadline);
    if name_missing_scopes {
        asked = asked.name_missing_scopes();
    }
    Ok(asked.explain(&context).await)
}
