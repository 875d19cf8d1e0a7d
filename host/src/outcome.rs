//! One check's answer, and everything that the operator may know about it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::decision::AuthorizationError;

/// How one check answered. Only [`Allow`](Self::Allow) lets the request go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The check allowed.
    Allow,
    /// The check denied without a word.
    Denied,
    /// The check denied with a message, which reaches the caller.
    DeniedWithMessage(AuthorizationError),
    /// The check failed. It denies like [`Denied`](Self::Denied); the fault is for the operator only.
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

/// What went wrong in a check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of failure.
    pub cause: Cause,
    /// What happened, in words.
    pub detail: String,
    /// Where in the plugin, if it got that far.
    pub backtrace: Option<String>,
}

impl Fault {
    /// A fault without a backtrace.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), backtrace: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.detail)
    }
}

/// The kinds of failure, one word each: the word is stable and meant for alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The plugin trapped: an `unreachable`, a panic, a bad pointer of its own, a division by zero.
    Trap,
    /// The plugin's stack overflowed ([`HostLimits::stack_bytes`](crate::HostLimits::stack_bytes)).
    StackOverflow,
    /// The plugin used up [`Limits::fuel`](crate::Limits::fuel).
    OutOfFuel,
    /// No answer within [`Limits::deadline`](crate::Limits::deadline), or the decision's own deadline.
    Deadline,
    /// The plugin used up [`Limits::cpu_time`](crate::Limits::cpu_time).
    CpuTimeLimit,
    /// The plugin was refused memory over [`Limits::memory_bytes`](crate::Limits::memory_bytes), and failed.
    MemoryLimit,
    /// The plugin was refused table elements over [`Limits::table_elements`](crate::Limits::table_elements), and
    /// failed.
    TableLimit,
    /// The plugin is made of more core instances than [`Limits::core_instances`](crate::Limits::core_instances).
    InstanceLimit,
    /// The context is larger than [`Limits::context_bytes`](crate::Limits::context_bytes).
    ContextLimit,
    /// The message is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    MessageLimit,
    /// The plugin wrote more than [`Limits::log_bytes`](crate::Limits::log_bytes).
    LogLimit,
    /// One call between plugin and host carried more than
    /// [`Limits::host_call_bytes`](crate::Limits::host_call_bytes).
    HostCallLimit,
    /// The plugin held more handles than [`Limits::handles`](crate::Limits::handles).
    HandleLimit,
    /// The plugin answered with something that is not an answer: bad UTF-8, a pointer out of bounds, an unknown
    /// discriminant.
    InvalidResult,
    /// `configure` refused settings that it had accepted when the check was made.
    Configure,
    /// The plugin called `exit`.
    Exit,
    /// The host had no room for another instance in time.
    NoCapacity,
    /// A native check panicked or reported a fault.
    Native,
    /// A fault of the host itself.
    Host,
}

impl Cause {
    /// The stable word, for example `out-of-fuel`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::StackOverflow => "stack-overflow",
            Self::OutOfFuel => "out-of-fuel",
            Self::Deadline => "deadline",
            Self::CpuTimeLimit => "cpu-time-limit",
            Self::MemoryLimit => "memory-limit",
            Self::TableLimit => "table-limit",
            Self::InstanceLimit => "instance-limit",
            Self::ContextLimit => "context-limit",
            Self::MessageLimit => "message-limit",
            Self::LogLimit => "log-limit",
            Self::HostCallLimit => "host-call-limit",
            Self::HandleLimit => "handle-limit",
            Self::InvalidResult => "invalid-result",
            Self::Configure => "configure",
            Self::Exit => "exit",
            Self::NoCapacity => "no-capacity",
            Self::Native => "native",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One check's answer with what it took.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The answer.
    pub outcome: Outcome,
    /// The scopes that a scope-aware check misses; empty unless it was asked (rule U1).
    pub missing_scopes: Vec<String>,
    /// What the evaluation took.
    pub usage: Usage,
    /// What the plugin wrote.
    pub logs: Vec<LogLine>,
}

impl From<Outcome> for Evaluation {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, missing_scopes: Vec::new(), usage: Usage::default(), logs: Vec::new() }
    }
}

/// What one evaluation took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Wall-clock time, from the wait for room to the answer.
    pub elapsed: Duration,
    /// Processor time, to within a tick of the host.
    pub cpu_time: Duration,
    /// Instructions of the plugin, roughly: the same for the same plugin, settings, context and
    /// [`StartMode`](crate::StartMode). Zero for a native check.
    pub fuel: u64,
    /// The most linear memory that the plugin had, in bytes.
    pub memory_bytes: usize,
}

/// Something that a plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Where: `stdout`, `stderr`, or the level of a log call (`trace` … `critical`).
    pub source: &'static str,
    /// What. It is the plugin's text: escape it before it reaches a terminal or a file of lines.
    pub text: String,
}
