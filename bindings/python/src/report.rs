//! The record of a decision, as Python reads it.

use std::sync::LazyLock;

use guardhouse::{Decision, Evaluation, LogLine, Outcome, WarningRate};
use pyo3::prelude::*;

/// The rate of the warnings that Python logs.
static RATE: LazyLock<WarningRate> = LazyLock::new(WarningRate::default);

/// The record of one decision.
#[pyclass(frozen, get_all, module = "guardhouse_checks._native")]
pub(crate) struct Report {
    id: String,
    allow: bool,
    message: Option<String>,
    missing_scopes: Vec<String>,
    scope_tokens: Vec<String>,
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
    last_lines: Vec<(&'static str, String)>,
    warnings_left_out: Option<u64>,
    elapsed: f64,
    fuel: u64,
    memory_bytes: usize,
    members: Vec<Py<CheckReport>>,
}

/// The records of several decisions, in order.
pub(crate) fn reports(py: Python<'_>, reports: Vec<guardhouse::Report>) -> PyResult<Vec<Py<Report>>> {
    reports.into_iter().map(|report| Py::new(py, Report::new(py, report)?)).collect()
}

impl Report {
    fn new(py: Python<'_>, report: guardhouse::Report) -> PyResult<Self> {
        let id = report.id.to_string();
        let checks = check_reports(py, report.checks)?;
        let (allow, message, missing_scopes, scope_tokens) = match report.decision {
            Decision::Allow => (true, None, Vec::new(), Vec::new()),
            Decision::Deny(denial) => {
                let tokens = denial.scope_tokens().map(str::to_owned).collect();
                (false, denial.message, denial.missing_scopes, tokens)
            }
        };
        Ok(Self {
            id,
            allow,
            message,
            missing_scopes,
            scope_tokens,
            checks,
            decided_by: report.decided_by,
            elapsed: report.elapsed.as_secs_f64(),
        })
    }
}

fn check_reports(py: Python<'_>, reports: Vec<guardhouse::CheckReport>) -> PyResult<Vec<Py<CheckReport>>> {
    reports.into_iter().map(|report| Py::new(py, CheckReport::new(py, report)?)).collect()
}

impl CheckReport {
    fn new(py: Python<'_>, report: guardhouse::CheckReport) -> PyResult<Self> {
        let is_leaf = report.evaluation.members.is_empty();
        let has_failed = is_leaf && report.evaluation.outcome.fault().is_some();
        let (warnings_left_out, last_lines) =
            if has_failed { (RATE.count(&report), report.last_lines().0) } else { (None, Vec::new()) };
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
            logs: pairs(logs),
            last_lines: pairs(last_lines),
            warnings_left_out,
            elapsed: usage.elapsed.as_secs_f64(),
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            members: check_reports(py, members)?,
        })
    }
}

fn pairs(lines: Vec<LogLine>) -> Vec<(&'static str, String)> {
    lines.into_iter().map(|line| (line.source, line.text)).collect()
}
