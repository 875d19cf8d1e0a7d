//! The options for the limits of plugins.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Args;
use guardhouse::Cause;
use guardhouse::Limits;
use guardhouse::units::{format_duration, format_size, parse_duration, parse_size};

use crate::named_limit::{NamedLimit, with_changes};

/// The limits of a check that must be more than zero: with less, no plugin could answer.
const MORE_THAN_ZERO: &[&str] = &[
    "configure_cpu_time",
    "configure_deadline",
    "context_bytes",
    "core_instances",
    "cpu_time",
    "deadline",
    "fuel",
    "instances",
    "memory_bytes",
];

/// The limits of each plugin.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    #[arg(long, value_name = "TIME", value_parser = parse_time, help = format!(
        "The wall-clock time of one evaluation of a plugin, for example `500ms` [default: {}]",
        format_duration(Limits::default().deadline)
    ))]
    deadline: Option<Duration>,

    /// The fuel of one evaluation, roughly its instructions [default: none]
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u64).range(1..))]
    fuel: Option<u64>,

    #[arg(long, value_name = "TIME", value_parser = parse_time, help = format!(
        "The processor time of one evaluation, for example `50ms` [default: {}]",
        format_duration(Limits::default().cpu_time.unwrap_or_default())
    ))]
    cpu_time: Option<Duration>,

    #[arg(long, value_name = "SIZE", value_parser = parse_memory, help = format!(
        "The memory of one instance of a plugin, for example `16MiB` [default: {}]",
        format_size(Limits::default().memory_bytes as u64)
    ))]
    memory: Option<usize>,

    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = NamedLimit::parser::<Limits>(MORE_THAN_ZERO))]
    #[arg(help = "Another limit of each plugin; may be repeated. `--help` lists them")]
    #[arg(long_help = NamedLimit::help::<Limits>("A limit of each plugin; may be repeated"))]
    named: Vec<NamedLimit>,
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
    pub(crate) fn limits(&self) -> anyhow::Result<Limits> {
        let options = [
            ("deadline", "--deadline", self.deadline.is_some()),
            ("fuel", "--fuel", self.fuel.is_some()),
            ("cpu_time", "--cpu-time", self.cpu_time.is_some()),
            ("memory_bytes", "--memory", self.memory.is_some()),
        ];
        for (name, option, is_given) in options {
            let is_named = self.named.iter().any(|limit| limit.name == name);
            anyhow::ensure!(!is_given || !is_named, "`{option}` and `--limit {name}=…` are the same limit; give one");
        }
        let default = Limits::default();
        let limits = Limits {
            deadline: self.deadline.unwrap_or(default.deadline),
            cpu_time: self.cpu_time.or(default.cpu_time),
            fuel: self.fuel,
            memory_bytes: self.memory.unwrap_or(default.memory_bytes),
            ..default
        };
        with_changes(&limits, &self.named, "--limit")
    }

    /// Whether any of the options is given.
    pub(crate) fn is_given(&self) -> bool {
        let Self { deadline, fuel, cpu_time, memory, named } = self;
        deadline.is_some() || fuel.is_some() || cpu_time.is_some() || memory.is_some() || !named.is_empty()
    }
}

/// The range of each limit of time.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

fn parse_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    if TIMES.contains(&time) { Ok(time) } else { Err("it must be from `1ms` to `1h`".to_owned()) }
}

fn parse_memory(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    if bytes == 0 {
        return Err("it must be more than zero".to_owned());
    }
    usize::try_from(bytes).map_err(|_| format!("`{text}` is larger than the address space of this machine"))
}
