//! The options for the limits of plugins.

use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;
use guardhouse::units::{format_duration, format_size, parse_duration, parse_size};
use guardhouse::{Cause, DEFAULT_DEADLINE, Limits, MAX_DEADLINE};

static DEADLINE: LazyLock<String> = LazyLock::new(|| format_duration(Limits::default().deadline));
static MEMORY: LazyLock<String> = LazyLock::new(|| format_size(Limits::default().memory_bytes as u64));

/// The limits of each plugin.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// The wall-clock time of one evaluation of a plugin, for example `200ms`
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = &**DEADLINE)]
    deadline: Duration,

    /// The fuel of one evaluation, roughly its instructions [default: unlimited within the deadline]
    #[arg(long, value_name = "UNITS")]
    fuel: Option<u64>,

    /// The processor time of one evaluation, for example `50ms` [default: unlimited within the deadline]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    cpu_time: Option<Duration>,

    /// The memory of one instance of a plugin, for example `64MiB`
    #[arg(long, value_name = "SIZE", value_parser = parse_memory, default_value = &**MEMORY)]
    memory: usize,
}

impl LimitOptions {
    /// The option that sets the limit behind a fault with this cause, if there is one.
    pub(crate) fn option_of(cause: Cause) -> Option<&'static str> {
        match cause {
            Cause::Deadline => Some("--deadline"),
            Cause::CpuTimeLimit => Some("--cpu-time"),
            Cause::OutOfFuel => Some("--fuel"),
            Cause::MemoryLimit => Some("--memory"),
            _ => None,
        }
    }

    /// The limits of each plugin.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            deadline: self.deadline,
            cpu_time: self.cpu_time,
            fuel: self.fuel,
            memory_bytes: self.memory,
            ..Limits::default()
        }
    }

    /// The deadline of a decision of this number of plugins, each of which has its own deadline too: at most the maximum.
    pub(crate) fn deadline(&self, plugins: usize) -> Duration {
        let plugins = u32::try_from(plugins).unwrap_or(u32::MAX);
        self.deadline.saturating_mul(plugins).clamp(DEFAULT_DEADLINE, MAX_DEADLINE)
    }
}

fn parse_memory(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes).map_err(|_| format!("`{text}` is larger than the address space of this machine"))
}
