//! The processor time of a thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A reading of the clock of this thread.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    at: Instant,
    clock: Duration,
}

thread_local! {
    static LAST: Cell<Option<Reading>> = const { Cell::new(None) };
}

impl Reading {
    /// A reading that may be as old as `age`. Reading the clock is a system call, which costs about as much as a small
    /// check.
    pub(crate) fn recent(age: Duration) -> Self {
        LAST.get().filter(|last| last.at.elapsed() < age).unwrap_or_else(Self::now)
    }

    /// The processor time of this thread since this reading.
    pub(crate) fn elapsed(&self) -> Duration {
        Self::now().clock.saturating_sub(self.clock)
    }

    fn now() -> Self {
        let at = Instant::now();
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let clock = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default());
        let reading = Self { at, clock };
        LAST.set(Some(reading));
        reading
    }
}
