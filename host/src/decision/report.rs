//! Reports: everything that is known of a decision, for the operator. Only [`Report::decision`] may reach the caller.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::decision::auth_check::{AuthCheck, Identity};
use crate::decision::{Decision, DecisionId};
use crate::fault::Fault;
use crate::log_line::LogLine;
use crate::outcome::{Evaluation, Outcome};
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

/// The evaluation of one check in a decision.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The name of the check.
    pub id: String,
    /// The origin of the check.
    #[serde(flatten)]
    pub identity: Identity,
    /// The evaluation of the check.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

impl Report {
    /// Logs one event for each decision (rule S8).
    pub(super) fn record(&self) {
        let decided = self.decided_by.and_then(|index| self.checks.get(index));
        tracing::info!(
            target: "guardhouse::decision",
            decision = %self.id,
            allow = self.decision.is_allow(),
            checks = self.checks.len(),
            decided_by = decided.map(|check| check.id.as_str()),
            outcome = decided.map(|check| check.evaluation.outcome.kind()).unwrap_or(if self.decision.is_allow() { "allow" } else { "failed" }),
            tenant = decided.or(self.checks.first()).and_then(|check| check.identity.tenant.as_deref()),
            plugins = ?self.checks.iter().map(|check| check.identity.plugin).collect::<Vec<_>>(),
            settings = ?self.checks.iter().map(|check| check.identity.settings).collect::<Vec<_>>(),
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
    pub(super) fn new(check: &dyn AuthCheck, evaluation: Evaluation) -> Self {
        Self { id: check.id().to_owned(), identity: check.identity(), evaluation }
    }

    /// The report of a check that panicked in [`AuthCheck::id`].
    pub(super) fn nameless(evaluation: Evaluation) -> Self {
        Self { id: String::new(), identity: Identity::default(), evaluation }
    }

    /// Logs a fault as one WARN event with everything that is known (rule S4), and the output of a plugin at DEBUG.
    pub(super) fn record(&self, decision: DecisionId) {
        let Evaluation { outcome, usage, logs, .. } = &self.evaluation;
        if let Outcome::Failed(Fault { cause, detail, backtrace, .. }) = outcome {
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
                elapsed_us = microseconds(usage.elapsed),
                fuel = usage.fuel,
                memory_bytes = usage.memory_bytes,
                "a check failed, which denies"
            );
            return;
        }
        for LogLine { source, text } in logs {
            tracing::debug!(target: "guardhouse::plugin", %decision, check = ?self.id, source, ?text);
        }
    }
}
