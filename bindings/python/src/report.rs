//! The record of a decision, as Python reads it.

use std::sync::LazyLock;

use guardhouse::{Denial, Evaluation, LogLine, WarningRate};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

/// The rate of the warnings that Python logs.
static RATE: LazyLock<WarningRate> = LazyLock::new(WarningRate::default);

/// The record of one decision. Its properties are made when Python reads them: most decisions are never logged.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct Report {
    report: guardhouse::Report,
    checks: PyOnceLock<Py<PyList>>,
}

/// One check's part in a decision.
#[pyclass(frozen, get_all, module = "guardhouse_checks._native")]
pub(crate) struct CheckReport {
    id: String,
    tenant: Option<String>,
    plugin: Option<String>,
    settings: Option<String>,
    outcome: &'static str,
    cause: Option<&'static str>,
    detail: Option<String>,
    backtrace: Option<String>,
    logs: Vec<(&'static str, String)>,
    last_lines: Vec<(&'static str, String)>,
    warnings_left_out: Option<u64>,
    elapsed: f64,
    fuel: u64,
    memory_bytes: usize,
    members: Vec<Py<CheckReport>>,
}

/// The records of several decisions, in order.
pub(crate) fn reports(py: Python<'_>, reports: Vec<guardhouse::Report>) -> PyResult<Vec<Py<Report>>> {
    reports.into_iter().map(|report| Py::new(py, Report { report, checks: PyOnceLock::new() })).collect()
}

#[pymethods]
impl Report {
    /// The key to this record, which the caller may see.
    #[getter]
    fn id(&self) -> String {
        self.report.id.to_string()
    }

    #[getter]
    fn allow(&self) -> bool {
        self.report.decision.is_allow()
    }

    #[getter]
    fn message(&self) -> Option<&str> {
        self.denial()?.message.as_deref()
    }

    #[getter]
    fn missing_scopes(&self) -> Vec<&str> {
        self.denial().iter().flat_map(|denial| &denial.missing_scopes).map(String::as_str).collect()
    }

    /// The missing scopes that are scope tokens.
    #[getter]
    fn scope_tokens(&self) -> Vec<&str> {
        self.denial().into_iter().flat_map(Denial::scope_tokens).collect()
    }

    /// Whether a check failed, or a member of a composed one, whether it decides or not.
    #[getter]
    fn has_faults(&self) -> bool {
        self.report.checks.iter().any(|check| has_faults(&check.evaluation))
    }

    #[getter]
    fn checks<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyList>> {
        // Once, because it counts the faults.
        let made = self.checks.get_or_try_init(py, || {
            let checks = self.report.checks.iter().map(|check| CheckReport::new(py, check));
            Ok::<_, PyErr>(PyList::new(py, checks.collect::<PyResult<Vec<_>>>()?)?.unbind())
        })?;
        Ok(made.bind(py))
    }

    #[getter]
    fn decided_by(&self) -> Option<usize> {
        self.report.decided_by
    }

    #[getter]
    fn elapsed(&self) -> f64 {
        self.report.elapsed.as_secs_f64()
    }
}

impl Report {
    fn denial(&self) -> Option<&Denial> {
        self.report.decision.denial()
    }
}

fn has_faults(evaluation: &Evaluation) -> bool {
    evaluation.outcome.fault().is_some() || evaluation.members.iter().any(|member| has_faults(&member.evaluation))
}

impl CheckReport {
    fn new(py: Python<'_>, report: &guardhouse::CheckReport) -> PyResult<Py<Self>> {
        let guardhouse::CheckReport { id, identity, evaluation, .. } = report;
        let Evaluation { outcome, usage, logs, members, .. } = evaluation;
        let fault = outcome.fault();
        let (warnings_left_out, last_lines) = match fault {
            Some(_) if members.is_empty() => (RATE.count(report), report.last_lines().0),
            _ => (None, Vec::new()),
        };
        let check = Self {
            id: id.clone(),
            tenant: identity.tenant.clone(),
            plugin: identity.plugin.map(|digest| digest.to_string()),
            settings: identity.settings.map(|digest| digest.to_string()),
            outcome: outcome.kind(),
            cause: fault.map(|fault| fault.cause.as_str()),
            detail: fault.map(|fault| fault.detail.clone()),
            backtrace: fault.and_then(|fault| fault.backtrace.clone()),
            logs: pairs(logs),
            last_lines: pairs(&last_lines),
            warnings_left_out,
            elapsed: usage.elapsed.as_secs_f64(),
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            members: members.iter().map(|member| Self::new(py, member)).collect::<PyResult<_>>()?,
        };
        Py::new(py, check)
    }
}

fn pairs(lines: &[LogLine]) -> Vec<(&'static str, String)> {
    lines.iter().map(|line| (line.source, line.text.clone())).collect()
}
