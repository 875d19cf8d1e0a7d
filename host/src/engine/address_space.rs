//! The address space that the pools reserve for the memories of instances, and what is reserved instead if this process
//! has too little of it: under `ulimit -v`, or on a machine with short addresses.

use wasmtime::Engine;

use crate::engine::config::{self, FULL, Pool, Reservation, Totals};
use crate::error::HostError;
use crate::guest::reason::error_chain;
use crate::limits::HostLimits;

/// The address space that is left to the rest of the process: code, heap, the stacks of threads.
const OTHER_BYTES: u64 = 1 << 30;

/// The number of times that the numbers of instances are halved at most.
const HALVINGS: u32 = 8;

/// The sizes of the pools that this process has address space for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressSpace {
    pub(crate) reservation: Reservation,
    /// [`HostLimits::instances`].
    pub(crate) instances: u32,
    /// [`HostLimits::large_instances`].
    pub(crate) large_instances: u32,
}

impl AddressSpace {
    /// The largest sizes that this process has address space for, at most those of the limits.
    ///
    /// # Errors
    /// The error of the engine that takes the least, with the remedy.
    pub(crate) fn here(limits: &HostLimits, strategies: u32) -> Result<Self, HostError> {
        let fit = Self::find(limits, |fit| reserve(limits, fit, strategies));
        fit.map_err(|error| {
            let remedy = "raise the limit on address space (`ulimit -v`), or lower `HostLimits::memory_bytes`, \
                          `table_elements` or `stack_bytes`";
            HostError::Engine(format!("{}; {remedy}", error_chain(&error)))
        })
    }

    /// The first of the steps that `reserve` has room for: everything, less for each memory, fewer instances.
    fn find<E>(limits: &HostLimits, reserve: impl Fn(&Self) -> Result<(), E>) -> Result<Self, E> {
        let HostLimits { instances, large_instances, memory_bytes, .. } = *limits;
        let full = Self { reservation: FULL, instances, large_instances };
        let small = Reservation { memory: (memory_bytes as u64).min(FULL.memory), guard: 64 << 10 };
        let fewer = (0..=HALVINGS).map(|halvings| Self {
            reservation: small,
            instances: (instances >> halvings).max(1),
            large_instances: (large_instances >> halvings).max(1),
        });
        let mut found = reserve(&full).map(|()| full);
        for fit in fewer {
            found = found.or_else(|_| reserve(&fit).map(|()| fit));
        }
        found
    }

    /// The limits of a host with this number of instances.
    pub(crate) fn limits(&self, limits: HostLimits) -> HostLimits {
        HostLimits { instances: self.instances, large_instances: self.large_instances, ..limits }
    }
}

/// Reserves what all pools need together, for a moment.
fn reserve(limits: &HostLimits, fit: &AddressSpace, strategies: u32) -> wasmtime::Result<()> {
    let limits = fit.limits(limits.clone());
    let pools = [Pool::Small, Pool::Large, Pool::Concurrent];
    let total = |of: fn(&HostLimits, Pool) -> u32| {
        pools.iter().map(|pool| of(&limits, *pool)).fold(0, u32::saturating_add).saturating_mul(strategies)
    };
    let (instances, stacks) = (total(config::instances), total(config::stacks));
    let others = u32::try_from(OTHER_BYTES.div_ceil(fit.reservation.memory.max(1 << 20))).unwrap_or(u32::MAX);
    let totals = Totals { instances, memories: instances.saturating_add(others), stacks };
    Engine::new(&config::trial(&limits, fit.reservation, totals)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fit of default limits in a number of bytes for memories.
    fn fit(bytes: u64) -> Option<AddressSpace> {
        let limits = HostLimits::default();
        AddressSpace::find(&limits, |fit| {
            let instances = u64::from(fit.instances) + 2 * u64::from(fit.large_instances);
            let needed = instances * (fit.reservation.memory + fit.reservation.guard);
            if needed <= bytes { Ok(()) } else { Err(()) }
        })
        .ok()
    }

    #[test]
    fn memories_get_less_address_space_before_there_are_fewer_instances() {
        let full = AddressSpace { reservation: FULL, instances: 256, large_instances: 32 };
        assert_eq!(fit(2 << 40), Some(full));
        let small = Reservation { memory: 256 << 20, guard: 64 << 10 };
        assert_eq!(fit(200 << 30), Some(AddressSpace { reservation: small, ..full }));
        assert_eq!(fit(50 << 30), Some(AddressSpace { reservation: small, instances: 128, large_instances: 16 }));
        assert_eq!(fit(4 << 30), Some(AddressSpace { reservation: small, instances: 8, large_instances: 1 }));
        assert_eq!(fit(1 << 30), Some(AddressSpace { reservation: small, instances: 1, large_instances: 1 }));
        assert_eq!(fit(512 << 20), None);
    }
}
