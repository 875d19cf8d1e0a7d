//! The section `[drain]`: the end of the server.

use std::time::Duration;

/// How the server ends after a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// The time in which the server is not ready any more, and still takes connections, so that load balancers notice. The
    /// signal of Ctrl-C skips it. At most 1 hour. Default: 5 s.
    pub notice: Duration,
    /// The time after that in which requests are answered. Then the server ends, whatever clients do. At most 1 hour.
    /// Default: 10 s.
    pub time: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { notice: Duration::from_secs(5), time: Duration::from_secs(10) }
    }
}
