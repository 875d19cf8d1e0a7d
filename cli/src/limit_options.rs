//! The limits that a command puts on plugins.

use std::time::Duration;

use clap::Args;
use guardhouse::{AuthChecks, Check, Limits};

/// What bounds each of the plugins.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// The time that each plugin has, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = milliseconds(Limits::default().deadline))]
    deadline_ms: u64,

    /// The instructions that each plugin has, roughly [default: as many as the deadline leaves time for]
    #[arg(long, value_name = "UNITS")]
    fuel: Option<u64>,

    /// The processor time that each plugin has, in milliseconds [default: as much as the deadline leaves]
    #[arg(long, value_name = "MS")]
    cpu_ms: Option<u64>,

    /// The memory that each plugin has, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().memory_bytes)]
    memory_bytes: usize,
}

impl LimitOptions {
    /// The limits of each plugin.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            deadline: Duration::from_millis(self.deadline_ms),
            cpu_time: self.cpu_ms.map(Duration::from_millis),
            fuel: self.fuel,
            memory_bytes: self.memory_bytes,
            ..Limits::default()
        }
    }

    /// The deadline of so many plugins together: each has its own.
    pub(crate) fn deadline(&self, plugins: usize) -> Duration {
        let each = Duration::from_millis(self.deadline_ms);
        each.saturating_mul(u32::try_from(plugins).unwrap_or(u32::MAX)).max(AuthChecks::<Check>::DEADLINE)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
