//! The settings of the turns of a host.

use std::time::Duration;

use super::virtual_time::Alignment;
use crate::limits::HostLimits;
use crate::tuning::{TURN_DEBT, TURN_TAKEN_WITHIN};
use crate::util::microseconds::nanoseconds;

/// The settings of the turns of a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnSettings {
    pub(crate) turns: u32,
    /// The interval of the ticks.
    pub(crate) tick: Duration,
    /// The arrivals of one tenant that may wait.
    pub(crate) queue_of_tenant: usize,
    /// The arrivals that may wait.
    pub(crate) queue: usize,
    /// The ticks after which a turn that was given and not taken passes on.
    pub(crate) ticks_to_take: u64,
    /// Whether the processors are shared from the beginning, and not only when a tenant is named.
    pub(crate) is_shared: bool,
}

impl TurnSettings {
    /// The settings of a host with these limits, on a machine with this number of processors.
    pub(crate) fn of(limits: &HostLimits, tick: Duration, processors: usize) -> Self {
        let turns = limits.turns.unwrap_or_else(|| u32::try_from(processors).unwrap_or(u32::MAX));
        // At least two: the first tick may come at once.
        let ticks_to_take = TURN_TAKEN_WITHIN.as_nanos().div_ceil(tick.as_nanos().max(1)).max(2);
        Self {
            // A count of turns has 31 bits.
            turns: turns.clamp(1, u32::MAX >> 1),
            tick,
            queue_of_tenant: limits.tenant_queue,
            queue: limits.turn_queue,
            ticks_to_take: u64::try_from(ticks_to_take).unwrap_or(u64::MAX),
            is_shared: limits.turns.is_some(),
        }
    }

    pub(super) fn alignment(&self) -> Alignment {
        Alignment {
            credit: nanoseconds(self.tick),
            debt: nanoseconds(TURN_DEBT),
            parallel: usize::try_from(self.turns).unwrap_or(usize::MAX),
        }
    }
}
