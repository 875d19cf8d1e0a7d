//! The limit behind a fault: its field and its value, for the operator who may change it.

use std::time::Duration;

use crate::fault::{Cause, Fault};
use crate::limits::{HostLimits, Limits};
use crate::units::{format_duration, format_size};

/// The limits of time that applied: each with its field or another name.
#[derive(Clone, Copy)]
pub(crate) struct Times<'a> {
    pub(crate) deadline: (&'a str, Duration),
    pub(crate) cpu_time: (&'a str, Option<Duration>),
}

impl Times<'static> {
    /// The times for configuring one instance.
    pub(crate) fn of_configuring(limits: &Limits) -> Self {
        Self {
            deadline: ("`Limits::configure_deadline`", limits.configure_deadline),
            cpu_time: ("`Limits::configure_cpu_time`", Some(limits.configure_cpu_time)),
        }
    }
}

/// Adds the field and the value of the limit that an evaluation exceeded to the detail of its fault.
pub(crate) fn name_limit(fault: Fault, limits: &Limits, host: &HostLimits, times: Times<'_>) -> Fault {
    let (field, value) = match fault.cause {
        Cause::OutOfFuel => ("fuel", limits.fuel.map(|fuel| fuel.to_string())),
        // The details of these have the value.
        Cause::MemoryLimit => ("memory_bytes", None),
        Cause::TableLimit => ("table_elements", None),
        Cause::ContextLimit => ("context_bytes", None),
        Cause::MessageLimit => ("message_bytes", None),
        Cause::LogLimit => ("log_bytes", None),
        Cause::InstanceLimit => ("core_instances", Some(limits.core_instances.to_string())),
        Cause::HostCallLimit => ("host_call_bytes", Some(size(limits.host_call_bytes))),
        Cause::HandleLimit => ("handles", Some(limits.handles.to_string())),
        _ => return name_time_or_stack(fault, host, times),
    };
    with_limit(fault, &format!("`Limits::{field}`"), value)
}

/// Like [`name_limit`], but only for limits of time and the stack, for calls that have no other limits of a check.
pub(crate) fn name_time_or_stack(fault: Fault, host: &HostLimits, times: Times<'_>) -> Fault {
    let Times { deadline, cpu_time } = times;
    match fault.cause {
        Cause::Deadline => with_limit(fault, deadline.0, Some(format_duration(deadline.1))),
        Cause::CpuTimeLimit => with_limit(fault, cpu_time.0, cpu_time.1.map(format_duration)),
        Cause::StackOverflow => with_limit(fault, "`HostLimits::stack_bytes`", Some(size(host.stack_bytes))),
        _ => fault,
    }
}

fn with_limit(fault: Fault, field: &str, value: Option<String>) -> Fault {
    let limit = value.map_or_else(|| field.to_owned(), |value| format!("{value} ({field})"));
    Fault { detail: format!("{}; the limit is {limit}", fault.detail), ..fault }
}

fn size(bytes: usize) -> String {
    format_size(u64::try_from(bytes).unwrap_or(u64::MAX))
}
