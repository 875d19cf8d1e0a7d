//! The thread that makes running guests look at their deadlines, and at who waits for their turns: it increments the
//! epoch of every engine at each tick, and when a guest may have to give way.
//!
//! While no guest computes for longer than a tick, ticks may be as far apart as [`REST_TICK`]: each wakes a thread, which
//! costs more than a small check.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use wasmtime::{Engine, EngineWeak};

use crate::tuning::{PREEMPTION_INTERVAL, REST_TICK};
use crate::turns::Turns;
use crate::util::lock::lock;
use crate::util::microseconds::nanoseconds;

/// The engines whose epochs tick. The thread ends when the ticker is dropped.
pub(super) struct Ticker {
    engines: Mutex<Vec<EngineWeak>>,
    turns: Arc<Turns>,
    started: Instant,
    /// The time of the last interruption, in nanoseconds since the start.
    interrupted: AtomicU64,
    /// Whether the thread must interrupt the guests as soon as it may.
    is_wanted: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Ticker {
    pub(super) fn new(turns: Arc<Turns>) -> Arc<Self> {
        Arc::new(Self {
            engines: Mutex::default(),
            turns,
            started: Instant::now(),
            interrupted: AtomicU64::new(0),
            is_wanted: AtomicBool::new(false),
            thread: OnceLock::new(),
        })
    }

    /// Starts the thread. From now on, somebody who waits for a turn interrupts the guests that run.
    pub(super) fn start(self: &Arc<Self>, tick: Duration) -> std::io::Result<()> {
        let ticker = Arc::downgrade(self);
        self.turns.set_preempt({
            let ticker = Weak::clone(&ticker);
            move || {
                if let Some(ticker) = ticker.upgrade() {
                    ticker.preempt();
                }
            }
        });
        let shared_at_start = self.turns.is_shared();
        let thread = std::thread::Builder::new().name("guardhouse-tick".to_owned()).spawn(move || {
            if shared_at_start {
                raise_priority();
            }
            let mut next = Instant::now();
            while let Some(ticker) = Weak::upgrade(&ticker) {
                let now = Instant::now();
                if now >= next {
                    ticker.turns.tick();
                    ticker.interrupt();
                    next = now + if ticker.turns.take_long() { tick } else { tick.max(REST_TICK) };
                } else if ticker.may_interrupt_at().is_some_and(|at| now >= at) {
                    ticker.interrupt();
                }
                let wake = ticker.may_interrupt_at().map_or(next, |at| at.min(next));
                drop(ticker);
                std::thread::park_timeout(wake.saturating_duration_since(Instant::now()));
            }
        })?;
        // The thread is started once.
        let _ = self.thread.set(thread.thread().clone());
        Ok(())
    }

    pub(super) fn add(&self, engine: &Engine) {
        lock(&self.engines).push(engine.weak());
    }

    /// Interrupts the guests that run, now or as soon as they may be interrupted again.
    fn preempt(&self) {
        let last = self.interrupted.load(Ordering::Relaxed);
        let now = nanoseconds(self.started.elapsed());
        let is_soon = now.saturating_sub(last) < nanoseconds(PREEMPTION_INTERVAL);
        let claims = || self.interrupted.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !is_soon && claims() {
            self.increment_epochs();
        } else if !self.is_wanted.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// The time at which the thread must interrupt the guests, if it must.
    fn may_interrupt_at(&self) -> Option<Instant> {
        let last = Duration::from_nanos(self.interrupted.load(Ordering::Relaxed));
        self.is_wanted.load(Ordering::Acquire).then(|| self.started + last + PREEMPTION_INTERVAL)
    }

    fn interrupt(&self) {
        self.is_wanted.store(false, Ordering::Release);
        self.interrupted.store(nanoseconds(self.started.elapsed()), Ordering::Relaxed);
        self.increment_epochs();
    }

    /// An engine in which nothing runs is not disturbed by it.
    fn increment_epochs(&self) {
        for engine in &*lock(&self.engines) {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}

/// Gives this thread a real-time priority, if the system permits it. Otherwise it waits for the kernel to take a processor
/// from a guest, which may take several ticks.
fn raise_priority() {
    let lowest = ThreadPriorityValue::try_from(1).map(ThreadPriority::Crossplatform);
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let raised = lowest.map(|priority| set_thread_priority_and_policy(thread_native_id(), priority, policy));
    if !matches!(raised, Ok(Ok(()))) {
        tracing::debug!(target: "guardhouse", "the thread of the ticks has no real-time priority");
    }
}
