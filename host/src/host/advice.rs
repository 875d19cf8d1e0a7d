//! Advice about the machine: each resource that is too scarce for the limits of a host, with the change that helps.

use std::fmt;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use wasmtime::PoolingAllocationConfig;

use crate::engine::address_space::AddressSpace;
use crate::engine::config::{self, FULL, Pool};
use crate::engine::swap::Swap;
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
#[derive(Clone, Copy)]
pub(super) struct Machine {
    /// `vm.max_map_count`: the maximum number of memory mappings, or `None` if unknown.
    max_map_count: Option<u64>,
    /// `RLIMIT_NOFILE`: the maximum number of open files, or `None` if unlimited.
    open_files: Option<u64>,
    /// Whether the kernel reports written pages (`PAGEMAP_SCAN`).
    pagemap_scan: bool,
    /// Whether the kernel moves pages: to make room for larger ones, or nearer to the processor that uses them.
    moves_pages: bool,
    swap: Swap,
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
            // Without `/proc` there is no `PAGEMAP_SCAN` either.
            moves_pages: ["vm/compact_memory", "kernel/numa_balancing"]
                .iter()
                .any(|setting| Path::new("/proc/sys").join(setting).exists()),
            swap: Swap::here(),
        }
    }

    /// Whether the pages that an instance has written may be reset with `PAGEMAP_SCAN`. As wasmtime 48 uses it, it finds
    /// present pages only: it misses a page that was swapped out, and one that the kernel is moving at that moment.
    pub(super) fn can_scan(&self) -> bool {
        self.pagemap_scan && !self.moves_pages && self.swap == Swap::Off
    }

    /// Advice for a host with these limits.
    pub(super) fn advice(&self, limits: &HostLimits, fit: &AddressSpace) -> Vec<Advice> {
        let mut advice = Vec::new();
        advice.extend(address_space(limits, fit));
        let limits = &fit.limits(limits.clone());
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
                    "`sysctl -w vm.max_map_count={needed}`, or lower `HostLimits::instances`, `resident_plugins` and \
                     `resident_images`"
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
        // Where the kernel moves pages, neither swap nor `PAGEMAP_SCAN` makes a difference.
        if self.pagemap_scan && !self.moves_pages && self.swap != Swap::Off {
            let found = match self.swap {
                Swap::On => "this machine has swap",
                _ => "`/proc/swaps` cannot be read, so this machine may have swap",
            };
            let cost = "`PAGEMAP_SCAN` is not used, because it misses pages that are swapped out: a fresh instance with \
                        much memory takes longer";
            let change = "`swapoff -a`, or forbid swap to this process (`MemorySwapMax=0` of its systemd unit, \
                          `memory.swap.max` of its control group), and start it again";
            advice.push(Advice { found: format!("{found}: {cost}"), change: change.to_owned() });
        }
        if !self.pagemap_scan && !self.moves_pages {
            advice.push(Advice {
                found: "this machine has no `PAGEMAP_SCAN`: a fresh instance with much memory takes longer".to_owned(),
                change: "run on Linux 6.7 or newer, with `/proc/self/pagemap` visible in the container".to_owned(),
            });
        }
        advice
    }
}

/// Advice for a process without the address space that the limits ask for.
fn address_space(limits: &HostLimits, fit: &AddressSpace) -> Option<Advice> {
    if fit.reservation == FULL {
        return None;
    }
    let mut found = "this process has too little address space to reserve 4 GiB for each memory: plugins are compiled \
                     with a comparison at each access to memory, which makes them slower"
        .to_owned();
    let (instances, large) = (limits.instances, limits.large_instances);
    if (fit.instances, fit.large_instances) != (instances, large) {
        found += &format!(
            ", and {} instances of small plugins and {} of large ones live at the same time instead of {instances} and \
             {large}",
            fit.instances, fit.large_instances
        );
    }
    let change = "raise the limit (`ulimit -v unlimited`) or run on a machine with addresses of 47 bits; or lower \
                  `HostLimits::memory_bytes`, `instances` and `large_instances`";
    Some(Advice { found, change: change.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::Reservation;

    /// All the address space that the default limits ask for.
    const ALL: AddressSpace = AddressSpace { reservation: FULL, instances: 256, large_instances: 32 };
    const PLENTY: Machine = Machine {
        max_map_count: Some(1_000_000),
        open_files: None,
        pagemap_scan: true,
        moves_pages: false,
        swap: Swap::Off,
    };

    #[test]
    fn each_shortage_has_its_advice() {
        let cases = [
            (Machine { max_map_count: Some(1_000), ..PLENTY }, "sysctl -w vm.max_map_count="),
            (Machine { open_files: Some(256), ..PLENTY }, "ulimit -n "),
            (Machine { pagemap_scan: false, ..PLENTY }, "Linux 6.7"),
            (Machine { pagemap_scan: false, swap: Swap::On, ..PLENTY }, "Linux 6.7"),
            (Machine { swap: Swap::On, ..PLENTY }, "`swapoff -a`"),
            (Machine { swap: Swap::Unknown, ..PLENTY }, "`swapoff -a`"),
        ];
        for (machine, change) in cases {
            let advice = machine.advice(&HostLimits::default(), &ALL);
            assert_eq!(advice.len(), 1, "{advice:?}");
            assert!(advice.iter().all(|advice| advice.change.contains(change)), "{advice:?}");
        }
    }

    #[test]
    fn written_pages_are_scanned_for_only_where_none_can_be_swapped_out_or_moved() {
        assert!(PLENTY.can_scan());
        for swap in [Swap::On, Swap::Unknown] {
            assert!(!Machine { swap, ..PLENTY }.can_scan(), "{swap:?}");
        }
        assert!(!Machine { pagemap_scan: false, ..PLENTY }.can_scan());
        let moving = Machine { moves_pages: true, ..PLENTY };
        assert!(!moving.can_scan());
        // Nothing would help.
        for machine in [Machine { swap: Swap::On, ..moving }, Machine { pagemap_scan: false, ..moving }, moving] {
            assert_eq!(machine.advice(&HostLimits::default(), &ALL), []);
        }
    }

    #[test]
    fn a_machine_with_enough_of_everything_needs_no_advice() {
        assert_eq!(PLENTY.advice(&HostLimits::default(), &ALL), []);
        assert_eq!(Machine { max_map_count: None, ..PLENTY }.advice(&HostLimits::default(), &ALL), []);
    }

    #[test]
    fn too_little_address_space_is_said_with_what_it_costs() {
        let reservation = Reservation { memory: 256 << 20, guard: 64 << 10 };
        let text = |fit| PLENTY.advice(&HostLimits::default(), &fit).remove(0).to_string();
        let slower = text(AddressSpace { reservation, ..ALL });
        assert!(slower.contains("slower: raise the limit (`ulimit -v unlimited`)"), "{slower}");
        let fewer = text(AddressSpace { reservation, instances: 8, large_instances: 1 });
        let expected =
            "8 instances of small plugins and 1 of large ones live at the same time instead of 256 and 32: raise";
        assert!(fewer.contains(expected), "{fewer}");
    }
}
