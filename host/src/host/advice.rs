//! Advice about the machine: each resource that is too scarce for the limits of a host, with the change that helps.

use std::fmt;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use wasmtime::PoolingAllocationConfig;

use crate::engine::config::{self, Pool};
use crate::limits::HostLimits;

/// A property of this machine that makes a host slower, or its limits unusable, with the change that helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// The property, and its cost.
    pub found: String,
    /// The change.
    pub change: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.found, self.change)
    }
}

/// The resources that this machine gives to one process.
pub(super) struct Machine {
    /// `vm.max_map_count`: the maximum number of memory mappings, or `None` if unknown.
    max_map_count: Option<u64>,
    /// `RLIMIT_NOFILE`: the maximum number of open files, or `None` if unlimited.
    open_files: Option<u64>,
    /// Whether the kernel reports written pages (`PAGEMAP_SCAN`).
    pagemap_scan: bool,
}

/// The measured numbers of memory mappings of one live instance, of one stack, and of one resident plugin or image.
const MAPS_PER_INSTANCE: u64 = 3;
const MAPS_PER_STACK: u64 = 2;
const MAPS_PER_RESIDENT: u64 = 3;
/// The number of open files that is left to the rest of the process.
const OTHER_FILES: u64 = 128;

impl Machine {
    /// Reads the resources of this machine.
    pub(super) fn here() -> Self {
        let max_map_count = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        Self {
            max_map_count: max_map_count.ok().and_then(|text| text.trim().parse().ok()),
            open_files: getrlimit(Resource::Nofile).current,
            pagemap_scan: PoolingAllocationConfig::is_pagemap_scan_available(),
        }
    }

    /// Advice for a host with these limits.
    pub(super) fn advice(&self, limits: &HostLimits) -> Vec<Advice> {
        let mut advice = Vec::new();
        let pools = [Pool::Small, Pool::Large];
        let instances: u64 = pools.iter().map(|pool| u64::from(config::instances(limits, *pool))).sum();
        let resident = (limits.resident_plugins as u64).saturating_add(limits.resident_images as u64);
        let maps = (instances * (MAPS_PER_INSTANCE + MAPS_PER_STACK)).saturating_add(resident * MAPS_PER_RESIDENT);
        // A process that runs out of mappings fails anywhere, so a fifth is left to the rest of the process.
        let needed = maps.saturating_add(maps / 4);
        if let Some(found) = self.max_map_count.filter(|found| *found < needed) {
            advice.push(Advice {
                found: format!("`vm.max_map_count` is {found}, and these limits may need {needed} memory mappings"),
                change: format!(
                    "`sysctl -w vm.max_map_count={needed}`, or lower `HostLimits::instances`, `resident_plugins` and `resident_images`"
                ),
            });
        }
        let needed = resident.saturating_add(OTHER_FILES);
        if let Some(found) = self.open_files.filter(|found| *found < needed) {
            advice.push(Advice {
                found: format!("this process may open {found} files, and these limits may need {needed}"),
                change: format!("`ulimit -n {needed}`, or lower `HostLimits::resident_plugins` and `resident_images`"),
            });
        }
        if !self.pagemap_scan {
            advice.push(Advice {
                found: "this machine has no `PAGEMAP_SCAN`: each fresh instance takes twice as long".to_owned(),
                change: "run on Linux 6.7 or newer, with `/proc/self/pagemap` visible in the container".to_owned(),
            });
        }
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Machine = Machine { max_map_count: Some(1_000_000), open_files: None, pagemap_scan: true };

    #[test]
    fn each_shortage_has_its_advice() {
        let cases = [
            (Machine { max_map_count: Some(1_000), ..PLENTY }, "sysctl -w vm.max_map_count="),
            (Machine { open_files: Some(256), ..PLENTY }, "ulimit -n "),
            (Machine { pagemap_scan: false, ..PLENTY }, "Linux 6.7"),
        ];
        for (machine, change) in cases {
            let advice = machine.advice(&HostLimits::default());
            assert_eq!(advice.len(), 1, "{advice:?}");
            assert!(advice.iter().all(|advice| advice.change.contains(change)), "{advice:?}");
        }
    }

    #[test]
    fn a_machine_with_enough_of_everything_needs_no_advice() {
        assert_eq!(PLENTY.advice(&HostLimits::default()), []);
        assert_eq!(Machine { max_map_count: None, ..PLENTY }.advice(&HostLimits::default()), []);
    }
}
