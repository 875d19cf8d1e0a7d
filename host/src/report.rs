//! What the operator may know of a decision: everything. None of it is for the caller.

use std::time::Duration;

use crate::auth_check::{AuthCheck, Identity};
use crate::decision::{Decision, DecisionId};
use crate::digest::Digest;
use crate::outcome::{Evaluation, Fault, LogLine, Outcome, Usage};

/// One decision with how it came about.
#[derive(Debug, Clone)]
#[must_use = "a decision that nobody looks at guards nothing"]
pub struct Report {
    /// The key that the caller of a denial has too.
    pub id: DecisionId,
    /// The answer.
    pub decision: Decision,
    /// The checks that were called, in order. Those after the one that decided were not.
    pub checks: Vec<CheckReport>,
    /// The index of the check that decided; none if all allowed.
    pub decided_by: Option<usize>,
    /// Wall-clock time of the whole run.
    pub elapsed: Duration,
}

/// One check's part in a decision.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The check's name.
    pub id: String,
    /// Whose check it is.
    pub tenant: Option<String>,
    /// The digest of its plugin; none for a native check.
    pub plugin: Option<Digest>,
    /// The digest of its settings; none without settings.
    pub settings: Option<Digest>,
    /// How it answered.
    pub outcome: Outcome,
    /// The scopes that it named as missing.
    pub missing_scopes: Vec<String>,
    /// What it took.
    pub usage: Usage,
    /// What it wrote.
    pub logs: Vec<LogLine>,
}

impl Report {
    /// Rule S8: one event for each decision.
    pub(crate) fn record(&self) {
        let decided = self.decided_by.and_then(|index| self.checks.get(index));
        tracing::info!(
            target: "guardhouse::decision",
            decision = %self.id,
            allow = self.decision.is_allow(),
            checks = self.checks.len(),
            decided_by = decided.map(|check| check.id.as_str()),
            outcome = decided.map(|check| check.outcome.kind()).unwrap_or(if self.decision.is_allow() { "allow" } else { "failed" }),
            tenant = decided.or(self.checks.first()).and_then(|check| check.tenant.as_deref()),
            plugins = ?self.checks.iter().map(|check| check.plugin).collect::<Vec<_>>(),
            settings = ?self.checks.iter().map(|check| check.settings).collect::<Vec<_>>(),
            elapsed_us = microseconds(self.elapsed),
            fuel = self.checks.iter().map(|check| check.usage.fuel).fold(0, u64::saturating_add),
            "decided"
        );
    }
}

impl CheckReport {
    pub(crate) fn new(check: &dyn AuthCheck, evaluation: Evaluation) -> Self {
        Self::named(check.id(), check.identity(), evaluation)
    }

    /// The report of a check that panicked when it was asked its name.
    pub(crate) fn nameless(evaluation: Evaluation) -> Self {
        Self::named("", Identity::default(), evaluation)
    }

    fn named(id: &str, identity: Identity<'_>, evaluation: Evaluation) -> Self {
        let Identity { tenant, plugin, settings } = identity;
        let Evaluation { outcome, missing_scopes, usage, logs } = evaluation;
        Self {
            id: id.to_owned(),
            tenant: tenant.map(str::to_owned),
            plugin,
            settings,
            outcome,
            missing_scopes,
            usage,
            logs,
        }
    }

    /// Rule S4: a fault is one WARN event that says everything. What a plugin wrote is for those who look for it.
    pub(crate) fn record(&self, decision: DecisionId) {
        if let Outcome::Failed(Fault { cause, detail, backtrace }) = &self.outcome {
            tracing::warn!(
                target: "guardhouse",
                %decision,
                check = ?self.id,
                tenant = self.tenant.as_deref(),
                plugin = self.plugin.map(tracing::field::display),
                %cause,
                ?detail,
                backtrace = backtrace.as_deref(),
                logs = ?self.logs,
                elapsed_us = microseconds(self.usage.elapsed),
                fuel = self.usage.fuel,
                memory_bytes = self.usage.memory_bytes,
                "a check failed, which denies"
            );
            return;
        }
        for LogLine { source, text } in &self.logs {
            tracing::debug!(target: "guardhouse::plugin", %decision, check = ?self.id, source, ?text);
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
