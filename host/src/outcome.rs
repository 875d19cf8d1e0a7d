//! The outcome of one check, with everything that the operator may know about it.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The answer of one check. Only [`Allow`](Self::Allow) lets the run continue to the next check.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl Outcome {
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
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

/// The reason why a check failed. It is for the operator only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of the failure.
    pub cause: Cause,
    /// A description for people.
    pub detail: String,
    /// The functions of the plugin that were on the stack, if it was running.
    pub backtrace: Option<String>,
}

impl Fault {
    /// A fault without a backtrace.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), backtrace: None }
    }

    /// A fault of the host itself.
    pub(crate) fn host(detail: impl fmt::Display) -> Self {
        Self::new(Cause::Host, detail.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.detail)
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// The kind of a failure. Each has a stable word, which is meant for alerts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])+ $name,)+
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word, for example `out-of-fuel`. It is also the JSON form.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

causes! {
    /// The plugin trapped: an `unreachable`, a panic, an invalid pointer of its own, a division by zero.
    Trap = "trap",
    /// The plugin's stack overflowed ([`HostLimits::stack_bytes`](crate::HostLimits::stack_bytes)).
    StackOverflow = "stack-overflow",
    /// The plugin used up [`Limits::fuel`](crate::Limits::fuel).
    OutOfFuel = "out-of-fuel",
    /// The check did not answer within [`Limits::deadline`](crate::Limits::deadline) or the decision's own deadline.
    Deadline = "deadline",
    /// The plugin used up [`Limits::cpu_time`](crate::Limits::cpu_time).
    CpuTimeLimit = "cpu-time-limit",
    /// The plugin asked for memory over [`Limits::memory_bytes`](crate::Limits::memory_bytes), and failed without it.
    MemoryLimit = "memory-limit",
    /// The plugin asked for table elements over [`Limits::table_elements`](crate::Limits::table_elements), and failed
    /// without them.
    TableLimit = "table-limit",
    /// The plugin consists of more core instances than [`Limits::core_instances`](crate::Limits::core_instances).
    InstanceLimit = "instance-limit",
    /// The context is larger than [`Limits::context_bytes`](crate::Limits::context_bytes).
    ContextLimit = "context-limit",
    /// The message is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    MessageLimit = "message-limit",
    /// The plugin wrote more than [`Limits::log_bytes`](crate::Limits::log_bytes).
    LogLimit = "log-limit",
    /// One call between plugin and host carried more than
    /// [`Limits::host_call_bytes`](crate::Limits::host_call_bytes).
    HostCallLimit = "host-call-limit",
    /// The plugin held more handles than [`Limits::handles`](crate::Limits::handles).
    HandleLimit = "handle-limit",
    /// The plugin returned an invalid result: text that is not UTF-8, a pointer out of bounds, an unknown
    /// discriminant.
    InvalidResult = "invalid-result",
    /// `configure` rejected settings that it had accepted when the check was made.
    Configure = "configure",
    /// The plugin called `exit`.
    Exit = "exit",
    /// The host or the check had no capacity for another instance within the deadline, or its queue was full.
    NoCapacity = "no-capacity",
    /// A native check panicked or reported a fault.
    Native = "native",
    /// A fault of the host itself.
    Host = "host",
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The outcome of one check, with the resources that the evaluation used.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The outcome.
    pub outcome: Outcome,
    /// The missing scopes that the check named; empty unless it was asked for them (rule U1).
    pub missing_scopes: Vec<String>,
    /// The resources that the evaluation used.
    pub usage: Usage,
    /// The output of the plugin.
    pub logs: Vec<LogLine>,
}

impl From<Outcome> for Evaluation {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, missing_scopes: Vec::new(), usage: Usage::default(), logs: Vec::new() }
    }
}

/// The resources that one evaluation used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Wall-clock time, from the wait for admission to the answer.
    pub elapsed: Duration,
    /// Processor time, to within a tick of the host.
    pub cpu_time: Duration,
    /// Instructions of the plugin, roughly: equal for the same plugin, settings, context and
    /// [`StartMode`](crate::StartMode). Zero for a native check.
    pub fuel: u64,
    /// The largest size of the plugin's linear memory, in bytes.
    pub memory_bytes: usize,
}

/// A piece of the output of a plugin: text of a stream, or one log call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The stream: `stdout`, `stderr`, or the level of a log call (`trace` … `critical`).
    pub source: &'static str,
    /// The text. It is untrusted: escape it before it reaches a terminal or a file of lines.
    pub text: String,
}
