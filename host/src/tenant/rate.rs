//! A rate that is held on average, with bursts: the generic cell rate algorithm (ITU-T I.371).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A bucket that fills with time, kept as one number, so that an idle tenant costs nothing. Its content is measured in the
/// time that it takes to fill, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// The time at which the bucket is full again; a time in the past means that it is full.
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes `cost` from a bucket that holds at most `burst`, if it has that much now.
    pub(super) fn take(&self, now: u64, cost: u64, burst: u64) -> bool {
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now).saturating_add(cost);
            (full_at <= now.saturating_add(burst)).then_some(full_at)
        });
        taken.is_ok()
    }

    /// Takes `cost`, also if the bucket has less: then it is in debt until it has filled again.
    pub(super) fn charge(&self, now: u64, cost: u64) {
        let charged = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }

    /// Whether a bucket that holds at most `burst` is empty or in debt.
    pub(super) fn is_empty(&self, now: u64, burst: u64) -> bool {
        self.full_at.load(Ordering::Relaxed).max(now) >= now.saturating_add(burst)
    }
}

/// A duration in nanoseconds; the largest number for one that is longer.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_taken_at_once_and_then_the_rate_holds() {
        let bucket = Bucket::default();
        // Ten in a second, three at once.
        let (cost, burst) = (SECOND / 10, 3 * SECOND / 10);
        let taken = |from: u64, steps: u64| (0..steps).filter(|step| bucket.take(from + step, cost, burst)).count();
        assert_eq!(taken(SECOND, 100), 3);
        assert_eq!(taken(SECOND + cost, 100), 1);
        assert_eq!(taken(SECOND + 2 * cost - 200, 100), 0);
        // However long it is idle, no more than a burst is saved.
        assert_eq!(taken(1_000 * SECOND, 100), 3);
        let over_a_minute =
            (0..60 * 1_000).filter(|ms| bucket.take(2_000 * SECOND + ms * 1_000_000, cost, burst)).count();
        assert_eq!(over_a_minute, 3 + 60 * 10 - 1);
    }

    #[test]
    fn a_debt_is_paid_back_before_anything_is_taken() {
        let bucket = Bucket::default();
        assert!(!bucket.is_empty(0, SECOND));
        bucket.charge(0, 5 * SECOND);
        assert!(bucket.is_empty(0, SECOND));
        assert!(bucket.is_empty(4 * SECOND, SECOND));
        assert!(!bucket.is_empty(4 * SECOND + 1, SECOND));
        assert!(!bucket.take(4 * SECOND, 1, SECOND));
    }

    #[test]
    fn the_largest_numbers_neither_overflow_nor_open_the_bucket() {
        let bucket = Bucket::default();
        bucket.charge(u64::MAX, u64::MAX);
        assert!(bucket.is_empty(u64::MAX - 1, 0));
        assert!(!bucket.take(SECOND, u64::MAX, SECOND));
        assert!(!bucket.take(SECOND, 1, SECOND));
    }

    #[test]
    fn many_threads_take_what_the_bucket_holds_and_no_more() {
        let bucket = Bucket::default();
        let taken = std::thread::scope(|scope| {
            let take = || (0..1_000).filter(|_| bucket.take(SECOND, 1, 500)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(taken, 500);
    }
}
