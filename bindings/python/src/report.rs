//! The record of a decision, as Python reads it.

use guardhouse::{Decision, Denial, Evaluation, Outcome};
use pyo3::prelude::*;

/// The record of one decision.
#[pyclass(frozen, get_all, module = "guardhouse_checks._native")]
pub(crate) struct Report {
    id: String,
    allow: bool,
    message: Option<String>,
    missing_scopes: Vec<String>,
    checks: Vec<Py<CheckReport>>,
    decided_by: Option<usize>,
    elapsed: f64,
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
    elapsed: f64,
    fuel: u64,
    memory_bytes: usize,
    members: Vec<Py<CheckReport>>,
}

impl Report {
    pub(crate) fn new(py: Python<'_>, report: guardhouse::Report) -> PyResult<Self> {
        let id = report.id.to_string();
        let checks = reports(py, report.checks)?;
        let (allow, message, missing_scopes) = match report.decision {
            Decision::Allow => (true, None, Vec::new()),
            Decision::Deny(Denial { message, missing_scopes, .. }) => (false, message, missing_scopes),
        };
        Ok(Self {
            id,
            allow,
            message,
            missing_scopes,
            checks,
            decided_by: report.decided_by,
            elapsed: report.elapsed.as_secs_f64(),
        })
    }
}

fn reports(py: Python<'_>, reports: Vec<guardhouse::CheckReport>) -> PyResult<Vec<Py<CheckReport>>> {
    reports.into_iter().map(|report| Py::new(py, CheckReport::new(py, report)?)).collect()
}

impl CheckReport {
    fn new(py: Python<'_>, report: guardhouse::CheckReport) -> PyResult<Self> {
        let guardhouse::CheckReport { id, identity, evaluation, .. } = report;
        let Evaluation { outcome, usage, logs, members, .. } = evaluation;
        let kind = outcome.kind();
        let fault = match outcome {
            Outcome::Failed(fault) => Some(fault),
            Outcome::Allow | Outcome::Denied | Outcome::DeniedWithMessage(_) => None,
        };
        let cause = fault.as_ref().map(|fault| fault.cause.as_str());
        let (detail, backtrace) = fault.map(|fault| (fault.detail, fault.backtrace)).unzip();
        Ok(Self {
            id,
            tenant: identity.tenant,
            plugin: identity.plugin.map(|digest| digest.to_string()),
            settings: identity.settings.map(|digest| digest.to_string()),
            outcome: kind,
            cause,
            detail,
            backtrace: backtrace.flatten(),
            logs: logs.into_iter().map(|line| (line.source, line.text)).collect(),
            elapsed: usage.elapsed.as_secs_f64(),
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            members: reports(py, members)?,
        })
    }
}
