//! The counts of the decision log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The counts of the decision log since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) too_slow: AtomicU64,
    pub(super) too_long: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) shutdown: AtomicU64,
    pub(super) waits: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) is_failing: AtomicBool,
}

/// A copy of the counts of the decision log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct LogCounts {
    /// The lines that were written.
    pub written: u64,
    /// The lines that were lost, by reason.
    #[serde(flatten)]
    pub lost: LostLines,
    /// The decisions that waited for room in the queue.
    pub waits: u64,
    /// The errors of the destination.
    pub errors: u64,
    /// Whether the last write failed.
    pub is_failing: bool,
    /// The bytes in the queue.
    pub queue_bytes: usize,
}

/// The lines that were lost, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct LostLines {
    /// The queue, or the share of the tenant, had no room.
    pub queue_full: u64,
    /// The queue had no room within the time that a decision waits.
    pub too_slow: u64,
    /// The line is longer than lines may be.
    pub too_long: u64,
    /// The caller hung up while its decision waited for room.
    pub cancelled: u64,
    /// The line was not written before the server ended.
    pub shutdown: u64,
}

impl LostLines {
    /// Every reason as a word, with its count.
    #[must_use]
    pub fn by_reason(&self) -> [(&'static str, u64); 5] {
        [
            ("queue-full", self.queue_full),
            ("too-slow", self.too_slow),
            ("too-long", self.too_long),
            ("cancelled", self.cancelled),
            ("shutdown", self.shutdown),
        ]
    }

    /// All lost lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason().into_iter().map(|(_, lines)| lines).fold(0, u64::saturating_add)
    }
}

impl Counts {
    pub(super) fn copy(&self, queue_bytes: usize) -> LogCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LogCounts {
            written: read(&self.written),
            lost: LostLines {
                queue_full: read(&self.queue_full),
                too_slow: read(&self.too_slow),
                too_long: read(&self.too_long),
                cancelled: read(&self.cancelled),
                shutdown: read(&self.shutdown),
            },
            waits: read(&self.waits),
            errors: read(&self.errors),
            is_failing: self.is_failing.load(Ordering::Relaxed),
            queue_bytes,
        }
    }
}
