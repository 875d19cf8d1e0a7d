//! The clock of a plugin. It starts at the context's `now`, and real time does not move it: the same request shows the
//! same times on a fast machine, on a slow one, and when it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// A clock that advances only when it is read or waited for. A clone is the same clock.
#[derive(Clone)]
pub(super) struct Clock {
    /// The time at which it started, since the Unix epoch.
    start: Duration,
    /// The reading of the monotonic clock, in nanoseconds. It starts at one second: some runtimes take zero for an
    /// error.
    elapsed: Arc<AtomicU64>,
}

const SECOND: u64 = 1_000_000_000;

impl Clock {
    pub(super) fn at(seconds: i64) -> Self {
        let start = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Self { start, elapsed: Arc::new(AtomicU64::new(SECOND)) }
    }

    /// Reads the monotonic clock. Each reading is a microsecond after the last one, so a loop that waits for time to
    /// pass ends.
    pub(super) fn read(&self) -> u64 {
        let now = self.elapsed.load(Ordering::Relaxed).saturating_add(1_000);
        self.elapsed.store(now, Ordering::Relaxed);
        now
    }

    /// Moves to a later instant: waiting for it returns immediately.
    pub(super) fn move_to(&self, instant: u64) {
        self.elapsed.fetch_max(instant, Ordering::Relaxed);
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        self.start.saturating_add(Duration::from_nanos(self.read() - SECOND))
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        self.read()
    }
}
