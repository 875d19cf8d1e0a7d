//! The clock of verification, which tests set.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A clock. A clone is shallow.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> Now + Send + Sync>);

/// A point in time, on both clocks of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    /// The time since the clock was made. It never goes back.
    pub(super) elapsed: Duration,
    /// Seconds since the Unix epoch.
    pub(super) unix: i64,
}

impl Clock {
    /// The clock of the system.
    pub(super) fn system() -> Self {
        let start = Instant::now();
        Self(Arc::new(move || Now { elapsed: start.elapsed(), unix: unix_seconds() }))
    }

    /// The clock that `now` reads.
    #[cfg(test)]
    pub(super) fn of(now: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(super) fn now(&self) -> Now {
        (self.0)()
    }
}

/// With a clock that was never set, every token has expired.
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
