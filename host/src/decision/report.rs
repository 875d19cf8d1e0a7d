//! Reports: everything that is known of a decision, for the operator. Only [`Report::decision`] may reach the caller.

use std::sync::LazyLock;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::decision::last_lines::last_lines;
use crate::decision::warnings::WarningRate;
use crate::decision::{Decision, DecisionId};
use crate::fault::{Cause, Fault};
use crate::log_line::LogLine;
use crate::outcome::{CheckReport, Evaluation, Outcome};
use crate::util::microseconds::microseconds;

/// One decision, with the evaluation of each check. A report is for the operator only.
///
/// In JSON, the fields of the decision, of each identity and of each evaluation stand beside those of the record that
/// has them, and times are whole microseconds:
///
/// ```json
/// {
///     "decision": "deny", "id": "5f0c…", "message": "closed", "elapsed_us": 87, "decided_by": 0,
///     "checks": [{
///         "id": "hours", "plugin": "sha256:9d3b…", "outcome": "denied-with-message", "message": "closed",
///         "elapsed_us": 71, "cpu_time_us": 60, "fuel": 12043, "memory_bytes": 1114112, "logs": []
///     }]
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a decision that is not enforced guards nothing"]
#[non_exhaustive]
pub struct Report {
    /// The id of the decision, which a denied caller gets too.
    pub id: DecisionId,
    /// The decision.
    pub decision: Decision,
    /// The checks that were evaluated, in order. Those after the one that ended the run were not evaluated.
    pub checks: Vec<CheckReport>,
    /// The index in [`checks`](Self::checks) of the first check that did not allow, or `None` if all allowed or no check
    /// could be evaluated.
    pub decided_by: Option<usize>,
    /// The wall-clock time of the whole run.
    pub elapsed: Duration,
}

impl Report {
    /// Logs one event for each decision (rule S8).
    pub(super) fn record(&self) {
        let leaves: Vec<&CheckReport> = self.checks.iter().flat_map(CheckReport::leaves).collect();
        let decided = self.decided_by.and_then(|index| self.checks.get(index));
        tracing::info!(
            target: "guardhouse::decision",
            decision = %self.id,
            allow = self.decision.is_allow(),
            checks = self.checks.len(),
            decided_by = decided.map(|check| check.id.as_str()),
            cause = decided.and_then(CheckReport::cause).map(tracing::field::display),
            outcome = decided.map(|check| check.evaluation.outcome.kind()).unwrap_or(if self.decision.is_allow() { "allow" } else { "failed" }),
            tenant = decided.or(self.checks.first()).and_then(|check| check.identity.tenant.as_deref()),
            plugins = ?leaves.iter().map(|check| check.identity.plugin).collect::<Vec<_>>(),
            settings = ?leaves.iter().map(|check| check.identity.settings).collect::<Vec<_>>(),
            elapsed_us = microseconds(self.elapsed),
            fuel = self.checks.iter().map(|check| check.evaluation.usage.fuel).fold(0, u64::saturating_add),
            "decided"
        );
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            decision: &'static str,
            id: DecisionId,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            missing_scopes: &'a [String],
            elapsed_us: u64,
            decided_by: Option<usize>,
            checks: &'a [CheckReport],
        }
        let denial = self.decision.denial();
        let document = Document {
            decision: self.decision.kind(),
            id: self.id,
            message: denial.and_then(|denial| denial.message.as_deref()),
            missing_scopes: denial.map_or(&[], |denial| &denial.missing_scopes),
            elapsed_us: microseconds(self.elapsed),
            decided_by: self.decided_by,
            checks: &self.checks,
        };
        document.serialize(serializer)
    }
}

impl CheckReport {
    /// The end of the output of a failed check, as a warning has it: the last lines, at most 4 KiB as they are written,
    /// with escapes; and the bytes of text before them.
    #[must_use]
    pub fn last_lines(&self) -> (Vec<LogLine>, usize) {
        last_lines(&self.evaluation.logs)
    }

    /// Logs a fault as one WARN event with everything that is known (rule S4), within the [`WarningRate`], and the output
    /// of a plugin at DEBUG. The members of a composed check have events of their own.
    pub(super) fn record(&self, decision: DecisionId) {
        self.record_member(decision, true);
    }

    /// `decides` says whether a fault of this check denies, or is only one of the answers of a composed check.
    fn record_member(&self, decision: DecisionId, decides: bool) {
        static RATE: LazyLock<WarningRate> = LazyLock::new(WarningRate::default);
        let Evaluation { outcome, usage, logs, members, .. } = &self.evaluation;
        let first = members.iter().position(|member| member.evaluation.outcome.fault().is_some());
        for (index, member) in members.iter().enumerate() {
            member.record_member(decision, decides && outcome.fault().is_some() && first == Some(index));
        }
        if let (Outcome::Failed(Fault { cause, detail, backtrace, .. }), None) = (outcome, first) {
            let Some(left_out) = RATE.count(self) else { return };
            let (logs, log_bytes_left_out) = self.last_lines();
            tracing::warn!(
                target: "guardhouse",
                %decision,
                check = ?self.id,
                tenant = self.identity.tenant.as_deref(),
                plugin = self.identity.plugin.map(tracing::field::display),
                %cause,
                ?detail,
                backtrace = backtrace.as_deref(),
                ?logs,
                log_bytes_left_out,
                elapsed_us = microseconds(usage.elapsed),
                fuel = usage.fuel,
                memory_bytes = usage.memory_bytes,
                warnings_left_out = left_out,
                "{}",
                if decides { "a check failed, which denies" } else { "a check failed, and its composition goes on" }
            );
            return;
        }
        for LogLine { source, text } in logs {
            tracing::debug!(target: "guardhouse::plugin", %decision, check = ?self.id, source, ?text);
        }
    }

    /// The checks that are not composed: the members of a composed check, and those of composed members, or the check
    /// itself.
    fn leaves(&self) -> Vec<&Self> {
        match &*self.evaluation.members {
            [] => vec![self],
            members => members.iter().flat_map(Self::leaves).collect(),
        }
    }

    /// The cause of a fault.
    fn cause(&self) -> Option<Cause> {
        self.evaluation.outcome.fault().map(|fault| fault.cause)
    }
}
