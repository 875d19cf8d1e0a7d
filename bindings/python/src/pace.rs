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
    /// The time that the last answer took, in microseconds.
    last: AtomicU64,
    /// In microseconds after `start`.
    paused_until: AtomicU64,
}

impl Pace {
    pub(crate) fn new(tick: Duration) -> Self {
        let (fast_answers, last, paused_until) = (AtomicU32::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { start: Instant::now(), fast: tick / 2, fast_answers, last, paused_until }
    }

    pub(crate) fn tick(&self) -> Duration {
        self.fast * 2
    }

    /// The time that an answer is expected to take, if the last ones were fast, and no tick was met in the last second.
    pub(crate) fn expected(&self, now: Instant) -> Option<Duration> {
        let is_fast = self.fast_answers.load(Ordering::Relaxed) >= FAST_ANSWERS && !self.is_paused(now);
        is_fast.then(|| Duration::from_micros(self.last.load(Ordering::Relaxed)))
    }

    /// Whether a tick was met in the last second.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        self.elapsed(now) < self.paused_until.load(Ordering::Relaxed)
    }

    /// Records an answer that took this long.
    pub(crate) fn add(&self, elapsed: Duration) {
        self.last.store(micros(elapsed), Ordering::Relaxed);
        if elapsed >= self.fast {
            self.fast_answers.store(0, Ordering::Relaxed);
        } else if self.fast_answers.load(Ordering::Relaxed) < FAST_ANSWERS {
            self.fast_answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the check met a tick in the thread of an event loop.
    pub(crate) fn pause(&self, now: Instant) {
        self.fast_answers.store(0, Ordering::Relaxed);
        self.paused_until.store(self.elapsed(now + PAUSE), Ordering::Relaxed);
    }

    /// The time since the check was made, in microseconds.
    fn elapsed(&self, now: Instant) -> u64 {
        micros(now.saturating_duration_since(self.start))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
