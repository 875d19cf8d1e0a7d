//! Lanes: the place of each tenant in the order of a fair queue.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The weight of a tenant that has not been given one.
pub(crate) const DEFAULT_WEIGHT: u32 = 16;
/// The largest weight.
pub(crate) const MAX_WEIGHT: u32 = 1_000;

/// The queue of a lane that has no bound of its own.
const NO_QUEUE: u32 = u32::MAX;

/// The largest charge at once, in units of a tag. It keeps the tags of a queue so close together that they can be
/// compared after they have wrapped around.
const MAX_CHARGE: u64 = 1 << 48;

/// The share of one tenant in a [`FairQueue`](super::fair_queue::FairQueue): its weight, and its tag. A lane belongs to
/// one queue. An idle lane takes 32 bytes and no other part of the queue.
///
/// A tag is the work that the lane has been charged for, each unit of cost as [`DEFAULT_WEIGHT`] divided by the weight.
/// Of the lanes that wait, the one with the least tag is served. Tags wrap around.
#[derive(Debug)]
pub(crate) struct Lane {
    tag: AtomicU64,
    weight: AtomicU32,
    /// The arrivals that may wait, or [`NO_QUEUE`].
    queue: AtomicU32,
    /// The key under which the lane waits. Only its queue uses it.
    pub(super) key_tag: AtomicU64,
    pub(super) key_ticket: AtomicU64,
}

impl Lane {
    /// A lane with this tag and the default weight.
    pub(super) fn at(tag: u64) -> Self {
        Self {
            tag: AtomicU64::new(tag),
            weight: AtomicU32::new(DEFAULT_WEIGHT),
            queue: AtomicU32::new(NO_QUEUE),
            key_tag: AtomicU64::new(0),
            key_ticket: AtomicU64::new(0),
        }
    }

    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Sets the weight of all charges from now on, from 1 to [`MAX_WEIGHT`].
    pub(crate) fn set_weight(&self, weight: u32) {
        self.weight.store(weight.clamp(1, MAX_WEIGHT), Ordering::Relaxed);
    }

    /// Sets the number of arrivals that may wait; without it, the lane has no bound of its own.
    pub(crate) fn set_queue(&self, most: Option<u32>) {
        self.queue.store(most.map_or(NO_QUEUE, |most| most.min(NO_QUEUE - 1)), Ordering::Relaxed);
    }

    /// The number of arrivals that may wait, if the lane has a bound of its own.
    pub(super) fn queue(&self) -> Option<usize> {
        let most = Some(self.queue.load(Ordering::Relaxed)).filter(|most| *most != NO_QUEUE)?;
        Some(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Charges the lane for `cost`, for example in nanoseconds. It needs no access to the queue, which finds the new tag
    /// when it next looks at the lane.
    pub(crate) fn charge(&self, cost: u64) {
        self.add(self.scaled(cost));
    }

    pub(crate) fn tag(&self) -> u64 {
        self.tag.load(Ordering::Relaxed)
    }

    /// The tag of a lane that has paid for an estimate, as it was before.
    pub(super) fn tag_before(&self, paid: u64) -> u64 {
        self.tag().wrapping_sub(paid)
    }

    /// The tag of a lane that has paid for an estimate, if its cost is `cost`.
    pub(super) fn tag_after(&self, paid: u64, cost: u64) -> u64 {
        self.tag_before(paid).wrapping_add(self.scaled(cost))
    }

    /// A cost in units of the tag, at least 1: with a large weight a small cost would be rounded to nothing, and the lane
    /// would be served forever.
    pub(super) fn scaled(&self, cost: u64) -> u64 {
        let scaled = cost.saturating_mul(u64::from(DEFAULT_WEIGHT)).div_ceil(u64::from(self.weight()));
        scaled.clamp(1, MAX_CHARGE)
    }

    /// Adds to the tag. A correction downwards is the two's complement.
    pub(super) fn add(&self, units: u64) {
        self.tag.fetch_add(units, Ordering::Relaxed);
    }

    /// Moves the tag into the interval from `least` to `most`.
    pub(super) fn clamp(&self, least: u64, most: u64) {
        let clamped = |tag| {
            if is_before(tag, least) {
                Some(least)
            } else if is_before(most, tag) {
                Some(most)
            } else {
                None
            }
        };
        // Nothing is written if the tag is inside.
        let _ = self.tag.fetch_update(Ordering::Relaxed, Ordering::Relaxed, clamped);
    }
}

/// Whether the tag `a` comes before the tag `b`. Both are of one queue, so they are less than half of their range apart.
pub(crate) fn is_before(a: u64, b: u64) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}
