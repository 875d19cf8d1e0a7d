//! A rate that is held on average, with bursts: the generic cell rate algorithm (ITU-T I.371).

use std::sync::atomic::{AtomicU64, Ordering};

/// A bucket that fills with time, kept as one number, so that an idle tenant costs nothing. A time is in nanoseconds.
#[derive(Debug)]
pub(super) struct Rate {
    /// What the bucket gets in each `period`.
    amount: u64,
    period: u64,
    /// What the bucket holds at most.
    burst: u64,
    /// The time at which the bucket is full again; a time in the past means that it is full.
    full_at: AtomicU64,
}

impl Rate {
    /// A full bucket that gets `amount` in each `period`, and holds at most `burst`.
    pub(super) fn new(amount: u64, period: u64, burst: u64) -> Self {
        Self { amount, period, burst, full_at: AtomicU64::new(0) }
    }

    /// Takes one from the bucket, if it has one now.
    pub(super) fn take_one(&self, now: u64) -> bool {
        let cost = self.fill_time(1);
        // The fill time of one is rounded down, so that of all of them is not the fill time of the burst.
        let full = now.saturating_add(cost.saturating_mul(self.burst));
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now).checked_add(cost)?;
            (full_at <= full).then_some(full_at)
        });
        self.amount > 0 && taken.is_ok()
    }

    /// Takes `used`, also if the bucket has less: then it is in debt until it has filled again. A bucket that never gets
    /// anything has no debt, because it would never be paid back.
    pub(super) fn charge(&self, now: u64, used: u64) {
        if self.amount == 0 {
            return;
        }
        let cost = self.fill_time(used);
        let charged = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }

    /// What the bucket has now; zero if it is empty or in debt.
    pub(super) fn left(&self, now: u64) -> u64 {
        u64::try_from(self.level(now)).unwrap_or_default()
    }

    /// The same rate, with what a bucket of another rate has now, or with its debt. The new bucket holds no more than its
    /// own burst.
    pub(super) fn continuing(self, before: &Self, now: u64) -> Self {
        let missing = i128::from(self.burst) - before.level(now).min(i128::from(self.burst));
        let missing = u64::try_from(missing).unwrap_or(u64::MAX);
        Self { full_at: AtomicU64::new(now), ..self }.charged(now, missing)
    }

    fn charged(self, now: u64, used: u64) -> Self {
        self.charge(now, used);
        self
    }

    /// What the bucket has; negative if it is in debt.
    fn level(&self, now: u64) -> i128 {
        let missing = self.full_at.load(Ordering::Relaxed).saturating_sub(now);
        if self.amount == 0 {
            return 0;
        }
        let missing = (u128::from(missing) * u128::from(self.amount)).div_ceil(u128::from(self.period.max(1)));
        i128::from(self.burst) - i128::try_from(missing).unwrap_or(i128::MAX)
    }

    /// The time in which the bucket gets `amount`.
    fn fill_time(&self, amount: u64) -> u64 {
        let time = (u128::from(amount) * u128::from(self.period)).checked_div(u128::from(self.amount));
        time.map_or(u64::MAX, |time| u64::try_from(time).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_taken_at_once_and_then_the_rate_holds() {
        // Ten in a second, three at once.
        let rate = Rate::new(10, SECOND, 3);
        let taken = |from: u64, steps: u64| (0..steps).filter(|step| rate.take_one(from + step)).count();
        assert_eq!(taken(SECOND, 100), 3);
        assert_eq!(taken(SECOND + SECOND / 10, 100), 1);
        assert_eq!(taken(SECOND + SECOND / 5 - 200, 100), 0);
        // However long it is idle, no more than a burst is saved.
        assert_eq!(taken(1_000 * SECOND, 100), 3);
        let over_a_minute = (0..60 * 1_000).filter(|ms| rate.take_one(2_000 * SECOND + ms * 1_000_000)).count();
        assert_eq!(over_a_minute, 3 + 60 * 10 - 1);
    }

    #[test]
    fn a_whole_burst_fits_also_if_a_second_cannot_be_divided_by_the_rate() {
        for per_second in [3, 7, 999, 1_000_003] {
            let rate = Rate::new(per_second, SECOND, per_second);
            assert_eq!((0..2_000_000).filter(|_| rate.take_one(SECOND)).count() as u64, per_second);
        }
    }

    #[test]
    fn a_debt_is_paid_back_before_anything_is_left() {
        let rate = Rate::new(SECOND, SECOND, SECOND);
        assert_eq!(rate.left(0), SECOND);
        rate.charge(0, 5 * SECOND);
        assert_eq!((rate.left(0), rate.left(4 * SECOND)), (0, 0));
        assert_eq!(rate.left(4 * SECOND + 7), 7);
        assert!(!rate.take_one(4 * SECOND - 1));
    }

    #[test]
    fn a_debt_is_the_same_amount_under_another_rate() {
        let slow = Rate::new(SECOND / 10, SECOND, SECOND / 10);
        slow.charge(0, SECOND);
        // A debt of 0.9 s, of which 0.1 s is paid back in each second; then a second in each second.
        let fast = Rate::new(SECOND, SECOND, SECOND).continuing(&slow, SECOND);
        assert_eq!(fast.left(SECOND + 800_000_000), 0);
        assert_eq!(fast.left(SECOND + 800_000_001), 1);
        // The other way: a debt of 0.8 s takes eight seconds.
        let slow = Rate::new(SECOND / 10, SECOND, SECOND / 10).continuing(&fast, SECOND);
        assert_eq!((slow.left(9 * SECOND), slow.left(9 * SECOND + 10)), (0, 1));
    }

    #[test]
    fn a_change_of_the_rate_fills_no_bucket() {
        let mut rate = Rate::new(100, SECOND, 100);
        while rate.take_one(SECOND) {}
        for burst in [1, 1_000, 10, 100_000] {
            rate = Rate::new(burst, SECOND, burst).continuing(&rate, SECOND);
            assert!(!rate.take_one(SECOND), "{burst}");
        }
    }

    #[test]
    fn the_largest_numbers_neither_overflow_nor_open_the_bucket() {
        let rate = Rate::new(SECOND, SECOND, 0);
        rate.charge(u64::MAX, u64::MAX);
        assert_eq!(rate.left(u64::MAX - 1), 0);
        let rate = Rate::new(1, u64::MAX, 5);
        rate.charge(SECOND, u64::MAX);
        assert!(!rate.take_one(SECOND));
        let never = Rate::new(0, SECOND, u64::MAX);
        assert!(!never.take_one(SECOND));
        assert_eq!(never.left(u64::MAX), 0);
        never.charge(SECOND, u64::MAX);
        assert_eq!(Rate::new(1, 1, 10).continuing(&never, SECOND).left(SECOND + 3), 3);
    }

    #[test]
    fn many_threads_take_what_the_bucket_holds_and_no_more() {
        let rate = Rate::new(500, SECOND, 500);
        let taken = std::thread::scope(|scope| {
            let take = || (0..1_000).filter(|_| rate.take_one(SECOND)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(taken, 500);
    }
}
