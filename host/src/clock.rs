//! The only clock that WASI shows to a plugin. It starts at the context's `now`, and real time does not move it: the
//! same request shows the same times on a fast machine, on a slow one, and when it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxView, WasiView};

use crate::store::State;

/// A clone is the same clock.
#[derive(Clone)]
pub(crate) struct Clock {
    /// When it started, since the Unix epoch.
    start: Duration,
    /// What the monotonic clock says, in nanoseconds. It starts at a second: some runtimes take zero for an error.
    elapsed: Arc<AtomicU64>,
}

const SECOND: u64 = 1_000_000_000;

impl Clock {
    pub(crate) fn at(seconds: i64) -> Self {
        let start = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Self { start, elapsed: Arc::new(AtomicU64::new(SECOND)) }
    }

    /// Each reading is a microsecond after the last one, so that whoever waits for time to pass sees it pass.
    fn read(&self) -> u64 {
        let now = self.elapsed.load(Ordering::Relaxed).saturating_add(1_000);
        self.elapsed.store(now, Ordering::Relaxed);
        now
    }

    /// To wait is to be there at once.
    fn move_to(&self, instant: u64) {
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

impl monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock().read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock().move_to(when);
        let WasiCtxView { table, .. } = self.ctx();
        let passed = table.push(Passed)?;
        subscribe(table, passed)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock().read();
        self.subscribe_instant(now.saturating_add(duration))
    }
}

/// An instant that has passed.
struct Passed;

#[wasmtime_wasi::async_trait]
impl Pollable for Passed {
    async fn ready(&mut self) {}
}
