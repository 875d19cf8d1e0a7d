//! How a decision came about, for the operator.

use std::fmt;
use std::time::Duration;

use guardhouse::{AuthCheck, Check, CheckReport, Digest, LogLine, Outcome, Report, StartMode};
use serde::Serialize;

use crate::text::{Fields, escaped, grouped, quoted};

/// The operator's view of one decision. Its JSON form stands beside what the caller may see.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation<'a> {
    #[serde(skip)]
    report: &'a Report,
    elapsed_us: u64,
    /// The index of the check that decided; null if all allowed.
    decided_by: Option<usize>,
    checks: Vec<Called<'a>>,
    /// The names of the checks after the one that ended the run.
    not_called: Vec<&'a str>,
}

/// A check that was called.
#[derive(Debug, Serialize)]
struct Called<'a> {
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
    /// Where its instances start from now on.
    start_mode: String,
    elapsed_us: u64,
    cpu_time_us: u64,
    fuel: u64,
    memory_bytes: usize,
    logs: &'a [LogLine],
}

impl<'a> Explanation<'a> {
    /// How the last check that was called ended.
    pub(crate) fn outcome(&self) -> &'static str {
        self.checks.last().map_or("failed", |check| check.outcome)
    }

    /// Why the last check that was called failed, if it did.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        self.checks.last().and_then(|check| check.cause)
    }

    /// What the last check that was called wrote to the operator's log.
    pub(crate) fn logs(&self) -> &'a [LogLine] {
        self.checks.last().map_or(&[], |check| check.logs)
    }

    /// Explains a report on `checks`.
    pub(crate) fn new(report: &'a Report, checks: &'a [Check]) -> Self {
        Self {
            report,
            elapsed_us: microseconds(report.elapsed),
            decided_by: report.decided_by,
            checks: report.checks.iter().zip(checks).map(|(report, check)| Called::new(report, check)).collect(),
            not_called: checks.iter().skip(report.checks.len()).map(AuthCheck::id).collect(),
        }
    }
}

impl<'a> Called<'a> {
    fn new(report: &'a CheckReport, check: &Check) -> Self {
        let fault = match &report.outcome {
            Outcome::Failed(fault) => Some(fault),
            _ => None,
        };
        Self {
            id: &report.id,
            plugin: report.plugin,
            settings: report.settings,
            outcome: report.outcome.kind(),
            cause: fault.map(|fault| fault.cause.as_str()),
            detail: fault.map(|fault| fault.detail.as_str()),
            backtrace: fault.and_then(|fault| fault.backtrace.as_deref()),
            missing_scopes: &report.missing_scopes,
            start_mode: match check.start_mode() {
                StartMode::Image => "image".to_owned(),
                StartMode::Configure { reason } => format!("configures itself: {reason}"),
            },
            elapsed_us: microseconds(report.usage.elapsed),
            cpu_time_us: microseconds(report.usage.cpu_time),
            fuel: report.usage.fuel,
            memory_bytes: report.usage.memory_bytes,
            logs: &report.logs,
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// For people: a block for each check.
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

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(3);
        fields.add("cause", self.cause.unwrap_or_default());
        fields.add("detail", self.detail.unwrap_or_default());
        fields.add("backtrace", self.backtrace.unwrap_or_default());
        fields.add("missing", &quoted(self.missing_scopes));
        fields.add_each("logs", log_lines(self.logs));
        fields.add("plugin", &self.plugin.map_or_else(String::new, |digest| digest.to_string()));
        fields.add("settings", &self.settings.map_or_else(String::new, |digest| digest.to_string()));
        fields.add("start", &self.start_mode);
        fields.add("took", &format!("{} µs, {} µs of processor", grouped(self.elapsed_us), grouped(self.cpu_time_us)));
        fields.add("fuel", &grouped(self.fuel));
        fields.add("memory", &format!("{} bytes", grouped(self.memory_bytes)));
        f.write_str(&fields.into_text())
    }
}

/// Every line with its source in front, so that no line of a plugin's text can pass for another's.
fn log_lines(logs: &[LogLine]) -> impl Iterator<Item = String> {
    logs.iter().flat_map(|log| log.text.split('\n').map(|line| format!("{:8}  {line}", log.source)))
}
