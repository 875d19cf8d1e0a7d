//! The outcome of one check, with everything that the operator may know about it.

use std::time::Duration;

use serde::Serialize;

use crate::digest::Digest;
use crate::fault::{Cause, Fault};
use crate::log_line::LogLine;
use crate::reads::DocumentReads;
use crate::util::microseconds;

/// The answer of one check. Only [`Allow`](Self::Allow) lets the run continue to the next check.
///
/// In JSON the word of [`kind`](Self::kind) is the field `outcome`, beside the fields of the error or the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The check allowed.
    Allow,
    /// The check denied without a message.
    Denied,
    /// The check denied with a message, which reaches the caller.
    DeniedWithMessage(AuthorizationError),
    /// The check failed, which denies. The caller sees the same as for [`Denied`](Self::Denied); the fault is for the
    /// operator only.
    Failed(Fault),
}

impl Outcome {
    /// The stable word: `allow`, `denied`, `denied-with-message` or `failed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Denied => "denied",
            Self::DeniedWithMessage(_) => "denied-with-message",
            Self::Failed(_) => "failed",
        }
    }

    /// The outcome of a check of your own that cannot answer. It denies, and only the operator sees the reason.
    #[must_use]
    pub fn native_fault(reason: impl ToString) -> Self {
        Self::Failed(Fault::new(Cause::Native, reason.to_string()))
    }

    /// The fault of a check that failed.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Failed(fault) => Some(fault),
            Self::Allow | Self::Denied | Self::DeniedWithMessage(_) => None,
        }
    }
}

impl From<bool> for Outcome {
    fn from(allow: bool) -> Self {
        if allow { Self::Allow } else { Self::Denied }
    }
}

impl From<Result<bool, AuthorizationError>> for Outcome {
    fn from(answer: Result<bool, AuthorizationError>) -> Self {
        answer.map_or_else(Self::DeniedWithMessage, Self::from)
    }
}

/// A denial with a message. The message reaches the caller exactly as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct AuthorizationError {
    /// The text for the caller.
    pub message: String,
}

impl AuthorizationError {
    /// Denies with `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// The outcome of one check, with the resources that the evaluation used.
///
/// ```
/// use guardhouse::{Evaluation, Outcome};
///
/// let evaluation = Evaluation::from(Outcome::Denied).with_missing_scopes(["write"]);
/// assert_eq!(evaluation.missing_scopes, ["write"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The missing scopes that the check named; empty unless it was asked for them (rule U1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    /// The resources that the evaluation used.
    #[serde(flatten)]
    pub usage: Usage,
    /// The output of the plugin. Empty for a composed check, whose members have their own.
    pub logs: Vec<LogLine>,
    /// The plugin's reads of the documents of the request.
    #[serde(flatten)]
    pub reads: DocumentReads,
    /// The evaluations of the members of a [composed](crate::compose) check, in order. Those after the one that decided
    /// were not evaluated. Empty for every other check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<CheckReport>,
}

impl From<Outcome> for Evaluation {
    fn from(outcome: Outcome) -> Self {
        let (missing_scopes, logs, members) = (Vec::new(), Vec::new(), Vec::new());
        Self { outcome, missing_scopes, usage: Usage::default(), logs, reads: DocumentReads::default(), members }
    }
}

impl Evaluation {
    /// The same evaluation with the missing scopes that the check names (rule U1).
    #[must_use]
    pub fn with_missing_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.missing_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The same evaluation with the resources that it used.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The same evaluation with the output of the check.
    #[must_use]
    pub fn with_logs(mut self, logs: Vec<LogLine>) -> Self {
        self.logs = logs;
        self
    }
}

/// The resources that one evaluation used. In JSON, times are whole microseconds, and their names end in `_us`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// Wall-clock time, from the wait for admission to the answer. Zero for a native check.
    #[serde(rename = "elapsed_us", serialize_with = "microseconds::serialize")]
    pub elapsed: Duration,
    /// Processor time, to within a tick of the host, from before the instance is made until after it is dropped.
    #[serde(rename = "cpu_time_us", serialize_with = "microseconds::serialize")]
    pub cpu_time: Duration,
    /// Instructions of the plugin, roughly: equal for the same plugin, settings, context and
    /// [`StartMode`](crate::StartMode). Zero for a native check.
    pub fuel: u64,
    /// The largest size of the plugin's linear memory, in bytes.
    pub memory_bytes: usize,
}

impl Usage {
    /// The usage of this evaluation and of another one after it.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed.saturating_add(other.elapsed),
            cpu_time: self.cpu_time.saturating_add(other.cpu_time),
            fuel: self.fuel.saturating_add(other.fuel),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
        }
    }
}

/// The evaluation of one check in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// The origin of a check, for the record of decisions (rule S8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Identity {
    /// The name of the tenant that owns the check, or `None` without a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The digest of the plugin, or `None` for a native check.
    pub plugin: Option<Digest>,
    /// The digest of the settings, or `None` without settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Digest>,
}

impl Identity {
    /// The same identity with a tenant.
    #[must_use]
    pub fn with_tenant(mut self, name: impl Into<String>) -> Self {
        self.tenant = Some(name.into());
        self
    }

    /// The same identity with the digest of a plugin.
    #[must_use]
    pub fn with_plugin(mut self, plugin: Digest) -> Self {
        self.plugin = Some(plugin);
        self
    }

    /// The same identity with the digest of settings.
    #[must_use]
    pub fn with_settings(mut self, settings: Digest) -> Self {
        self.settings = Some(settings);
        self
    }
}
