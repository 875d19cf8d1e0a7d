//! The failure of a check: its cause, and everything that helps to find it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::log_line::LogLine;
use crate::util::memo::StillBeingMade;

/// The maximum output of a plugin in the text of a fault, in bytes.
const MAX_OUTPUT_BYTES: usize = 4_000;

/// The reason why a check failed. It is for the operator only.
///
/// Its text consists of the end of [`logs`](Self::logs), if there are any, and of the cause and the detail. The plugin's
/// output is untrusted and may have several lines: escape it before it reaches a terminal or a file of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub struct Fault {
    /// The kind of the failure.
    pub cause: Cause,
    /// A description for people.
    pub detail: String,
    /// The functions of the plugin that were on the stack, if it was running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
    /// The output of the plugin, if it failed while it was loaded or configured. The output during an evaluation is in
    /// [`Evaluation::logs`](crate::Evaluation::logs).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
}

impl Fault {
    /// A fault without a backtrace. A check of your own reports [`Cause::Native`].
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), backtrace: None, logs: Vec::new() }
    }

    /// A fault of the host itself.
    pub(crate) fn host(detail: impl fmt::Display) -> Self {
        Self::new(Cause::Host, detail.to_string())
    }
}

impl From<StillBeingMade> for Fault {
    fn from(_: StillBeingMade) -> Self {
        Self::new(Cause::Deadline, "another thread did the same work, and did not finish within the deadline")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, detail, logs, .. } = self;
        let output = end_of_output(logs);
        if output.is_empty() { write!(f, "{cause}: {detail}") } else { write!(f, "{output}\n({cause}: {detail})") }
    }
}

/// The end of a plugin's output, with `…` where it was cut.
fn end_of_output(logs: &[LogLine]) -> String {
    let output = logs.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    let output = output.trim();
    match output.len().checked_sub(MAX_OUTPUT_BYTES) {
        None | Some(0) => output.to_owned(),
        Some(cut) => format!("…{}", &output[output.ceil_char_boundary(cut)..]),
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
    /// The check did not answer within [`Limits::deadline`](crate::Limits::deadline) or the decision's own deadline, or
    /// was not made within [`Limits::configure_deadline`](crate::Limits::configure_deadline).
    Deadline = "deadline",
    /// The plugin used up [`Limits::cpu_time`](crate::Limits::cpu_time), or
    /// [`Limits::configure_cpu_time`](crate::Limits::configure_cpu_time) while it was configured.
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
    /// The plugin read a document of the request that cannot be read: it is not JSON, or the enforcement point does not
    /// know it.
    UnreadableDocument = "unreadable-document",
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
    /// Too many evaluations waited. Of the tenant, if its [budget](crate::TenantBudget::queue) has a bound. For an
    /// instance: of all tenants ([`HostLimits::queue`](crate::HostLimits::queue)), of
    /// which this one had the most by weight. For processor time: of the tenant
    /// ([`HostLimits::tenant_queue`](crate::HostLimits::tenant_queue)), or of all tenants
    /// ([`HostLimits::turn_queue`](crate::HostLimits::turn_queue)), of which this one had the most by weight.
    QueueFull = "queue-full",
    /// The evaluation waited for an instance and for processor time longer than
    /// [`TenantBudget::queue_time`](crate::TenantBudget::queue_time), or
    /// [`HostLimits::queue_time`](crate::HostLimits::queue_time) without it.
    QueuedTooLong = "queued-too-long",
    /// The tenant has spent its [budget](crate::TenantBudget).
    OverBudget = "over-budget",
    /// The check kept failing, and its [breaker](crate::Breaker) is open.
    BreakerOpen = "breaker-open",
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
