//! Reports: everything that is known of a decision, for the operator. No part of a report may reach the caller.

use std::time::Duration;

use crate::decision::auth_check::{AuthCheck, Identity};
use crate::decision::{Decision, DecisionId};
use crate::digest::Digest;
use crate::outcome::{Evaluation, Fault, LogLine, Outcome, Usage};

/// One decision, with the evaluation of each check. A report is for the operator only.
#[derive(Debug, Clone)]
#[must_use = "a decision that is not enforced guards nothing"]
pub struct Report {
    /// The id of the decision, which a denied caller gets too.
    pub id: DecisionId,
    /// The decision.
    pub decision: Decision,
    /// The checks that were evaluated, in order. Checks after the one that decided were not evaluated.
    pub checks: Vec<CheckReport>,
    /// The index in [`checks`](Self::checks) of the check that decided, or `None` if all allowed.
    pub decided_by: Option<usize>,
    /// The wall-clock time of the whole run.
    pub elapsed: Duration,
}

/// The evaluation of one check in a decision.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// The name of the check.
    pub id: String,
    /// The name of the tenant that owns the check, or `None` without a tenant.
    pub tenant: Option<String>,
    /// The digest of the plugin, or `None` for a native check.
    pub plugin: Option<Digest>,
    /// The digest of the settings, or `None` without settings.
    pub settings: Option<Digest>,
    /// The outcome of the check.
    pub outcome: Outcome,
    /// The missing scopes that the check named.
    pub missing_scopes: Vec<String>,
    /// The resources that the evaluation used.
    pub usage: Usage,
    /// The output of the plugin.
    pub logs: Vec<LogLine>,
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
    pub(super) fn new(check: &dyn AuthCheck, evaluation: Evaluation) -> Self {
        Self::named(check.id(), check.identity(), evaluation)
    }

    /// The report of a check that panicked in [`AuthCheck::id`].
    pub(super) fn nameless(evaluation: Evaluation) -> Self {
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

    /// Logs a fault as one WARN event with everything that is known (rule S4), and the output of a plugin at DEBUG.
    pub(super) fn record(&self, decision: DecisionId) {
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
