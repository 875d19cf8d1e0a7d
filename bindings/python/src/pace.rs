//! The pace of a check: whether it answers so fast that it may be asked in the thread of an event loop.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The number of fast answers in a row after which a check is asked in the thread of an event loop.
const FAST_ANSWERS: u32 = 16;

/// The time for which a check that met a tick there is not asked there again.
const PAUSE: Duration = Duration::from_secs(1);

/// The recent answers of one check.
pub(crate) struct Pace {
    start: Instant,
    /// An answer that takes less is fast: half a tick.
    fast: Duration,
    fast_answers: AtomicU32,
    /// In microseconds after `start`.
    paused_until: AtomicU64,
}

impl Pace {
    pub(crate) fn new(tick: Duration) -> Self {
        let (fast_answers, paused_until) = (AtomicU32::new(0), AtomicU64::new(0));
        Self { start: Instant::now(), fast: tick / 2, fast_answers, paused_until }
    }

    pub(crate) fn tick(&self) -> Duration {
        self.fast * 2
    }

    /// Whether the last answers were fast, and no tick was met in the last second.
    pub(crate) fn is_fast(&self, now: Instant) -> bool {
        self.fast_answers.load(Ordering::Relaxed) >= FAST_ANSWERS && !self.is_paused(now)
    }

    /// Whether a tick was met in the last second.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        self.micros(now) < self.paused_until.load(Ordering::Relaxed)
    }

    /// Records an answer that took this long.
    pub(crate) fn add(&self, elapsed: Duration) {
        if elapsed >= self.fast {
            self.fast_answers.store(0, Ordering::Relaxed);
        } else if self.fast_answers.load(Ordering::Relaxed) < FAST_ANSWERS {
            self.fast_answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the check met a tick in the thread of an event loop.
    pub(crate) fn pause(&self, now: Instant) {
        self.fast_answers.store(0, Ordering::Relaxed);
        self.paused_until.store(self.micros(now + PAUSE), Ordering::Relaxed);
    }

    fn micros(&self, time: Instant) -> u64 {
        u64::try_from(time.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_fast_after_sixteen_fast_answers_in_a_row() {
        let pace = Pace::new(Duration::from_millis(1));
        let now = Instant::now();
        for _ in 0..15 {
            pace.add(Duration::from_micros(499));
        }
        assert!(!pace.is_fast(now));
        pace.add(Duration::ZERO);
        assert!(pace.is_fast(now));
        pace.add(Duration::from_micros(500));
        assert!(!pace.is_fast(now));
    }

    #[test]
    fn a_check_that_met_a_tick_pauses_for_a_second_and_must_be_fast_again() {
        let pace = Pace::new(Duration::from_millis(1));
        let now = Instant::now();
        pace.pause(now);
        for _ in 0..100 {
            pace.add(Duration::ZERO);
        }
        assert!(!pace.is_fast(now + PAUSE - Duration::from_millis(1)));
        assert!(pace.is_fast(now + PAUSE));
        pace.pause(now + PAUSE);
        assert!(!pace.is_fast(now + PAUSE * 3));
    }
}
