//! Virtual time: the progress of a fair queue, against which lanes that were idle are aligned.

use std::sync::atomic::{AtomicU64, Ordering};

use super::lane::{DEFAULT_WEIGHT, Lane, is_before};

/// How far a lane that was idle may be from the others when it becomes active, in units of cost, and how many waiters
/// are served at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alignment {
    /// The work that a lane may be behind: its credit for having been idle. It is halved while more lanes wait than are
    /// served at the same time.
    pub(crate) credit: u64,
    /// The work that a lane may be ahead: its debt from earlier. The rest is forgiven.
    pub(crate) debt: u64,
    /// The number of waiters that are served at the same time.
    pub(crate) parallel: usize,
}

/// The virtual time of a fair queue: the largest tag with which any lane has been served. It needs no lock, so that it
/// advances also while nobody waits. A lane that was alone then has no debt to those that come later.
#[derive(Debug)]
pub(crate) struct VirtualTime {
    now: AtomicU64,
    alignment: Alignment,
}

impl VirtualTime {
    pub(crate) fn new(alignment: Alignment) -> Self {
        Self { now: AtomicU64::new(0), alignment }
    }

    /// A new lane, which has all the credit of one that was idle.
    pub(crate) fn lane(&self) -> Lane {
        let lane = Lane::at(self.now.load(Ordering::Relaxed));
        lane.set_weight(1);
        lane.add(lane.scaled(self.alignment.credit).wrapping_neg());
        lane.set_weight(DEFAULT_WEIGHT);
        lane
    }

    /// Serves a lane at once, while nobody waits in the queue.
    pub(crate) fn serve(&self, lane: &Lane) {
        self.align(lane, 0);
        self.advance(lane.tag());
    }

    /// Moves the tag of a lane without waiters close to those of the others, when a first one arrives while `others`
    /// lanes wait. A waiter that was served, and waits for more, is not an arrival.
    pub(super) fn align(&self, lane: &Lane, others: usize) {
        let Alignment { credit, debt, parallel } = self.alignment;
        let credit = if others > parallel { credit / 2 } else { credit };
        let now = self.now.load(Ordering::Relaxed);
        lane.clamp(now.wrapping_sub(lane.scaled(credit)), now.wrapping_add(lane.scaled(debt)));
    }

    /// Moves the tag of a lane up to those of the others, less its credit. A debt stays.
    pub(super) fn limit_credit(&self, lane: &Lane) {
        let least = self.now.load(Ordering::Relaxed).wrapping_sub(lane.scaled(self.alignment.credit));
        // No tag is further away than a quarter of their range.
        lane.clamp(least, least.wrapping_add(u64::MAX / 4));
    }

    /// Records that a lane with this tag was served.
    pub(super) fn advance(&self, tag: u64) {
        let later = |now| is_before(now, tag).then_some(tag);
        let _ = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    #[cfg(test)]
    pub(super) fn set(&self, tag: u64) {
        self.now.store(tag, Ordering::Relaxed);
    }
}
