//! The usage of the turns of a host.

use std::sync::atomic::{AtomicU64, Ordering};

/// The turns of a host: how many there are and are taken now, and what has happened so far. See
/// [`HostLimits::turns`](crate::HostLimits::turns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TurnUsage {
    /// The number of turns: the guests that may run at the same time.
    pub turns: u32,
    /// The turns that are free.
    pub free: u32,
    /// The evaluations that wait for a turn, the first one or a further one.
    pub waiting: u32,
    /// The times that an evaluation, or other work with a guest, had to wait for its first turn.
    pub waited: u64,
    /// The evaluations that failed because too many waited.
    pub refused: u64,
    /// The times that a guest gave way before its tick.
    pub preempted: u64,
    /// The turns that passed on, because the thread that would have taken them was blocked.
    pub lapsed: u64,
}

/// The events of turns that are counted.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) waited: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) preempted: AtomicU64,
    pub(super) lapsed: AtomicU64,
}

impl Events {
    pub(super) fn count(event: &AtomicU64) {
        event.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn usage(&self, turns: u32, free: i32, waiting: u32) -> TurnUsage {
        let count = |event: &AtomicU64| event.load(Ordering::Relaxed);
        TurnUsage {
            turns,
            // Turns that lapsed may be held beyond their number.
            free: u32::try_from(free).unwrap_or_default(),
            waiting,
            waited: count(&self.waited),
            refused: count(&self.refused),
            preempted: count(&self.preempted),
            lapsed: count(&self.lapsed),
        }
    }
}
