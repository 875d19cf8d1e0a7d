//! The operator's explanation of a decision.

use std::fmt;
use std::time::Duration;

use guardhouse::{Check, CheckReport, DocumentReads, LogLine, Report, StartMode};
use serde::Serialize;

use crate::limit_options::LimitOptions;
use crate::text::{Fields, byte_count, escaped, grouped, quoted};

/// The operator's view of one decision. In JSON, its fields follow those that the caller may see.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation<'a> {
    #[serde(skip)]
    report: &'a Report,
    elapsed_us: u64,
    /// The index of the first check that did not allow; null if every check allowed, or none could be evaluated.
    decided_by: Option<usize>,
    checks: Vec<CalledCheck<'a>>,
    /// The names of the checks after the one that ended the run.
    not_called: Vec<&'a str>,
}

/// A check that was called.
#[derive(Debug, Serialize)]
struct CalledCheck<'a> {
    #[serde(flatten)]
    report: &'a CheckReport,
    /// The start mode of the next instances.
    start_mode: StartMode,
}

impl<'a> Explanation<'a> {
    /// The outcome of the last check that was called.
    pub(crate) fn outcome(&self) -> &'static str {
        self.checks.last().map_or("failed", |check| check.report.evaluation.outcome.kind())
    }

    /// The cause for which the last check that was called failed, if it did.
    pub(crate) fn cause(&self) -> Option<&'static str> {
        let fault = self.checks.last().and_then(|check| check.report.evaluation.outcome.fault());
        fault.map(|fault| fault.cause.as_str())
    }

    /// The output of the last check that was called.
    pub(crate) fn logs(&self) -> &'a [LogLine] {
        self.checks.last().map_or(&[], |check| &check.report.evaluation.logs)
    }

    /// Explains a report about `checks`.
    pub(crate) fn new(report: &'a Report, checks: &'a [Check]) -> Self {
        Self {
            report,
            elapsed_us: microseconds(report.elapsed),
            decided_by: report.decided_by,
            checks: report
                .checks
                .iter()
                .zip(checks)
                .map(|(report, check)| CalledCheck { report, start_mode: check.start_mode() })
                .collect(),
            not_called: checks.iter().skip(report.checks.len()).map(Check::id).collect(),
        }
    }
}

/// A time in microseconds.
pub(crate) fn microseconds(duration: Duration) -> u64 {
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
            let (number, id) = (index + 1, escaped(&check.report.id));
            let outcome = check.report.evaluation.outcome.kind();
            write!(f, "\n{number}. {id}: {outcome}{decided}\n{check}")?;
        }
        for (index, id) in self.not_called.iter().enumerate() {
            write!(f, "\n{}. {}: not called\n", self.checks.len() + index + 1, escaped(id))?;
        }
        Ok(())
    }
}

impl fmt::Display for CalledCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckReport { identity, evaluation, .. } = self.report;
        let (usage, fault) = (&evaluation.usage, evaluation.outcome.fault());
        let [took, processor] = [usage.elapsed, usage.cpu_time].map(|time| grouped(microseconds(time)));
        let mut fields = Fields::indented(3);
        fields.add_optional("cause", fault.map(|fault| fault.cause));
        fields.add_optional("detail", fault.map(|fault| &fault.detail));
        fields.add_optional("option", fault.and_then(|fault| LimitOptions::option_of(fault.cause)));
        fields.add("missing", &quoted(&evaluation.missing_scopes));
        fields.add_each("logs", log_lines(&evaluation.logs));
        fields.add_each("reads", read_lines(&evaluation.reads));
        // The plugin's own words are what its author understands, so they come before the functions of its runtime.
        fields.add_optional("backtrace", fault.and_then(|fault| fault.backtrace.as_ref()));
        fields.add_optional("plugin", identity.plugin);
        fields.add_optional("settings", identity.settings);
        fields.add("start", &self.start_mode.to_string());
        fields.add("took", &format!("{took} µs, {processor} µs of processor"));
        fields.add("fuel", &grouped(usage.fuel));
        fields.add("memory", &byte_count(usage.memory_bytes));
        f.write_str(&fields.into_text())
    }
}

/// The lines of the output, each after its source, so that a plugin cannot forge a line of another source.
fn log_lines(logs: &[LogLine]) -> impl Iterator<Item = String> {
    logs.iter().flat_map(|log| log.text.split('\n').map(|line| format!("{:8}  {line}", log.source)))
}

/// The reads of the request, each with its function, its pointer, and whether there is a value.
fn read_lines(reads: &DocumentReads) -> Vec<String> {
    let pointers: Vec<String> = reads.first.iter().map(|read| format!("`{}`", escaped(&read.pointer))).collect();
    // A very long pointer does not pad all other lines to its length.
    let width = pointers.iter().map(|pointer| pointer.chars().count()).max().unwrap_or_default().min(40);
    let lines = reads.first.iter().zip(&pointers).map(|(read, pointer)| {
        let found = if read.found { "found" } else { "not found" };
        format!("{:9}  {pointer:width$}  {found}", read.document.as_str())
    });
    let left_out = (reads.left_out > 0).then(|| format!("and {} more", grouped(reads.left_out)));
    lines.chain(left_out).collect()
}
