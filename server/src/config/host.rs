//! The section `[host]`: what plugins may use of this machine together.

use std::time::Duration;

use guardhouse::HostLimits;
use serde_json::Value;

use super::field::Fields;
use super::machine::Machine;
use crate::policy::document::Node;
use crate::policy::fields::read_fields;
use crate::policy::findings::Findings;

/// The keys of the section.
pub(super) const HOST_KEYS: &[&str] = &["memory", "processors", "tick", "limits"];

/// What plugins may use of this machine together. The doc of each field names its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// The memory of this process, in bytes, from which the pools and caches are sized. Nothing compares what the process
    /// uses with it. At least 256 MiB. Default: three quarters of what the machine and the control groups allow.
    pub memory_bytes: usize,
    /// The processors that decisions may use. Default: all that the control groups allow.
    pub processors: usize,
    /// The interval at which deadlines are enforced. From 100 µs to 100 ms. Default: 200 µs.
    pub tick: Duration,
    /// The limits of all plugins together, where they are not sized from the memory.
    pub limits: Vec<(String, Value)>,
}

/// The memory of a machine that does not say how much it has, in bytes.
const UNKNOWN_MEMORY: u64 = 2 << 30;

/// The longest wait of an evaluation for an instance and a processor.
const QUEUE_TIME: Duration = Duration::from_millis(10);

/// The memory of one instance, in bytes, with which the pools are sized. A policy may give a check as much.
const INSTANCE_BYTES: usize = 64 << 20;

/// The memory of the machine code of a plugin, or of an image, in bytes, with which their caches are sized.
const CODE_BYTES: usize = 1 << 20;

impl HostConfig {
    /// The defaults on a machine.
    #[must_use]
    pub fn of(machine: Machine) -> Self {
        let memory = machine.memory_bytes.unwrap_or(UNKNOWN_MEMORY) / 4 * 3;
        Self {
            memory_bytes: usize::try_from(memory).unwrap_or(usize::MAX).max(MIN_MEMORY_BYTES),
            processors: machine.processors,
            tick: Duration::from_micros(200),
            limits: Vec::new(),
        }
    }

    /// The limits of the host: sized from the memory, and then changed as the configuration says.
    ///
    /// Half of the memory is for instances, of which each may use 64 MiB: a fifth of them are those of large plugins, and as
    /// many those of concurrent ones. Four small ones and one of each other kind are always possible. A quarter of the memory
    /// is for machine code and images, at a mebibyte each. The rest is for bodies, policies and everything else.
    #[must_use]
    pub fn host_limits(&self) -> HostLimits {
        let instances = self.memory_bytes / 2 / INSTANCE_BYTES;
        // The pool of concurrent plugins has as many as that of large ones.
        let large = (instances / 5).clamp(1, 32);
        let resident = self.memory_bytes / 4 / CODE_BYTES / 2;
        let defaults = HostLimits::default();
        let sized = HostLimits {
            instances: u32::try_from((instances.saturating_sub(2 * large)).clamp(4, 256)).unwrap_or(4),
            large_instances: u32::try_from(large).unwrap_or(1),
            memory_bytes: INSTANCE_BYTES,
            compilers: u32::try_from((self.processors / 2).clamp(1, 8)).unwrap_or(1),
            resident_plugins: resident.clamp(32, 4_096),
            resident_images: resident.clamp(32, 4_096),
            turns: Some(u32::try_from(self.processors).unwrap_or(u32::MAX)),
            queue_time: Some(QUEUE_TIME),
            ..defaults
        };
        changed(&sized, &self.limits).unwrap_or(sized)
    }
}

impl Default for HostConfig {
    fn default() -> Self {
        Self::of(Machine::here())
    }
}

/// The least memory with which a server is of use, in bytes.
const MIN_MEMORY_BYTES: usize = 256 << 20;

/// The same limits with changes, by the names of the fields; none if a value has the wrong type.
fn changed(limits: &HostLimits, changes: &[(String, Value)]) -> Option<HostLimits> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(limits) else { return None };
    fields.extend(changes.iter().cloned());
    serde_json::from_value(Value::Object(fields)).ok()
}

pub(super) fn read_host(node: &Node<'_>, host: &mut HostConfig, findings: &mut Findings<'_>) {
    let Some(table) = node.table(HOST_KEYS, findings) else { return };
    let limits = table.get("limits");
    let mut fields = Fields { table, findings };
    fields.size("memory", MIN_MEMORY_BYTES..=1 << 46, &mut host.memory_bytes);
    fields.count("processors", 1..=1_024, &mut host.processors);
    fields.duration("tick", Duration::from_micros(100)..=Duration::from_millis(100), &mut host.tick);
    let is_not_zero = |value: Value| {
        if value == 0 { Err("the limit must be more than zero".to_owned()) } else { Ok(value) }
    };
    let read = limits.and_then(|node| read_fields::<HostLimits>(&node, "the limit", is_not_zero, findings));
    host.limits.extend(read.into_iter().flatten());
}
