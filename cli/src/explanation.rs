//! The operator's explanation of a decision.

use std::fmt;
use std::time::Duration;

use guardhouse::{AuthCheck, Check, CheckReport, Digest, LogLine, Report, StartMode};
use serde::Serialize;

use crate::text::{Fields, byte_count, escaped, grouped, quoted};

/// The operator's view of one decision. In JSON, its fields follow those that the caller may see.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation<'a> {
    #[serde(skip)]
    report: &'a Report,
    elapsed_us: u64,
    /// The index of the check that decided; null if every check allowed.
    decided_by: Option<usize>,
    checks: Vec<CalledCheck<'a>>,
    /// The names of the checks after the one that ended the run.
    not_called: Vec<&'a str>,
}

/// A check that was called.
#[derive(Debug, Serialize)]
struct CalledCheck<'a> {
    id: &'a str,
    plugin: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Digest>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backtrace: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
    /// The start mode of the next instances: see [`start_mode`].
    start_mode: String,
    elapsed_us: u64,
    cpu_time_us: u64,
    fuel: u64,
    memory_bytes: usize,
    logs: &'a [LogLine],
}

impl<'a> Explanation<'a> {
    /// The outcome of the last check that was called.
    pub(crate) fn outcome(&self) -> &'static str {
        self.checks.last().map_or("failed", |check| check.outcome)
    }

    /// The cause for which the last check that was called failed, if it did.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        self.checks.last().and_then(|check| check.cause)
    }

    /// The output of the last check that was called.
    pub(crate) fn logs(&self) -> &'a [LogLine] {
        self.checks.last().map_or(&[], |check| check.logs)
    }

    /// Explains a report about `checks`.
    pub(crate) fn new(report: &'a Report, checks: &'a [Check]) -> Self {
        Self {
            report,
            elapsed_us: microseconds(report.elapsed),
            decided_by: report.decided_by,
            checks: report.checks.iter().zip(checks).map(|(report, check)| CalledCheck::new(report, check)).collect(),
            not_called: checks.iter().skip(report.checks.len()).map(AuthCheck::id).collect(),
        }
    }
}

impl<'a> CalledCheck<'a> {
    fn new(report: &'a CheckReport, check: &Check) -> Self {
        let fault = report.outcome.fault();
        Self {
            id: &report.id,
            plugin: report.plugin,
            settings: report.settings,
            outcome: report.outcome.kind(),
            cause: fault.map(|fault| fault.cause.as_str()),
            detail: fault.map(|fault| fault.detail.as_str()),
            backtrace: fault.and_then(|fault| fault.backtrace.as_deref()),
            missing_scopes: &report.missing_scopes,
            start_mode: start_mode(check),
            elapsed_us: microseconds(report.usage.elapsed),
            cpu_time_us: microseconds(report.usage.cpu_time),
            fuel: report.usage.fuel,
            memory_bytes: report.usage.memory_bytes,
            logs: &report.logs,
        }
    }
}

/// How the instances of a check start, and why.
pub(crate) fn start_mode(check: &Check) -> String {
    match check.start_mode() {
        StartMode::Image => "starts from an image".to_owned(),
        StartMode::Configure { reason } => format!("configures itself: {reason}"),
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The text form: a block for each check.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(0);
        fields.add("decision", &self.report.id.to_string());
        fields.add("took", &format!("{} µs", grouped(self.elapsed_us)));
        f.write_str(&fields.into_text())?;
        for (index, check) in self.checks.iter().enumerate() {
            let decided = if self.decided_by == Some(index) { ", which decided" } else { "" };
            write!(f, "\n{}. {}: {}{decided}\n{check}", index + 1, escaped(check.id), check.outcome)?;
        }
        for (index, id) in self.not_called.iter().enumerate() {
            write!(f, "\n{}. {}: not called\n", self.checks.len() + index + 1, escaped(id))?;
        }
        Ok(())
    }
}

impl fmt::Display for CalledCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(3);
        fields.add_optional("cause", self.cause);
        fields.add_optional("detail", self.detail);
        fields.add_optional("backtrace", self.backtrace);
        fields.add("missing", &quoted(self.missing_scopes));
        fields.add_each("logs", log_lines(self.logs));
        fields.add_optional("plugin", self.plugin);
        fields.add_optional("settings", self.settings);
        fields.add("start", &self.start_mode);
        fields.add("took", &format!("{} µs, {} µs of processor", grouped(self.elapsed_us), grouped(self.cpu_time_us)));
        fields.add("fuel", &grouped(self.fuel));
        fields.add("memory", &byte_count(self.memory_bytes));
        f.write_str(&fields.into_text())
    }
}

/// The lines of the output, each after its source, so that a plugin cannot forge a line of another source.
fn log_lines(logs: &[LogLine]) -> impl Iterator<Item = String> {
    logs.iter().flat_map(|log| log.text.split('\n').map(|line| format!("{:8}  {line}", log.source)))
}
