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
    /// Whether the next tick is as far away as [`REST_TICK`].
    is_resting: AtomicBool,
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
            is_resting: AtomicBool::new(false),
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
        self.turns.set_hasten({
            let ticker = Weak::clone(&ticker);
            move || {
                if let Some(ticker) = ticker.upgrade() {
                    ticker.hasten();
                }
            }
        });
        let shared_at_start = self.turns.is_shared();
        let thread = std::thread::Builder::new().name("guardhouse-tick".to_owned()).spawn(move || {
            if shared_at_start {
                raise_priority();
            }
            let (mut next, mut interval) = (Instant::now(), tick);
            while let Some(ticker) = Weak::upgrade(&ticker) {
                let now = Instant::now();
                if now >= next {
                    ticker.turns.tick(whole_ticks(interval, tick));
                    ticker.interrupt();
                    interval = ticker.interval(tick);
                    next = now + interval;
                } else if interval > tick && ticker.turns.is_long() {
                    interval = tick;
                    next = next.min(now + interval);
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

    /// The time until the next tick.
    fn interval(&self, tick: Duration) -> Duration {
        if tick >= REST_TICK {
            return tick;
        }
        // Before it asks, so that a guest which is long from then on wakes this thread.
        self.is_resting.store(true, Ordering::SeqCst);
        if !self.turns.take_long() {
            return REST_TICK;
        }
        self.is_resting.store(false, Ordering::SeqCst);
        tick
    }

    /// Ends the rest of the thread: a guest has computed for longer than a tick.
    fn hasten(&self) {
        if self.is_resting.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
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

/// The ticks in an interval, at least one.
fn whole_ticks(interval: Duration, tick: Duration) -> u64 {
    u64::try_from(interval.as_nanos() / tick.as_nanos().max(1)).unwrap_or(u64::MAX).max(1)
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::limits::HostLimits;
    use crate::tuning::TURN_TAKEN_WITHIN;
    use crate::turns::fair_queue::Standing;
    use crate::turns::{Asked, TurnSettings};

    const TICK: Duration = Duration::from_micros(100);

    fn turns() -> Turns {
        Turns::new(TurnSettings::of(&HostLimits { turns: Some(1), ..HostLimits::default() }, TICK, 1))
    }

    #[test]
    fn a_guest_that_is_found_long_after_the_tick_ends_the_rest() {
        let ticker = Ticker::new(Arc::new(turns()));
        let of_turns = Arc::downgrade(&ticker);
        ticker.turns.set_hasten(move || of_turns.upgrade().unwrap().hasten());
        assert_eq!(ticker.interval(TICK), REST_TICK);
        assert!(ticker.is_resting.load(Ordering::SeqCst));
        for _ in 0..2 {
            ticker.turns.note_long();
            assert!(ticker.turns.is_long() && !ticker.is_resting.load(Ordering::SeqCst));
        }
        assert_eq!(ticker.interval(TICK), TICK);
        assert_eq!(ticker.interval(TICK), REST_TICK);
        for tick in [REST_TICK, 100 * REST_TICK] {
            assert_eq!(ticker.interval(tick), tick);
        }
    }

    #[test]
    fn a_turn_that_is_not_taken_passes_on_as_early_while_the_thread_rests() {
        for interval in [TICK, REST_TICK] {
            let turns = turns();
            let lanes = [turns.lane(), turns.lane()];
            lanes[1].charge(10_000_000);
            assert!(turns.try_take(&lanes[0]));
            let wait = |lane| match turns.ask(lane, 1, Standing::Arrival, Waker::noop()) {
                Ok(Asked::Waiting(id)) => id,
                asked => panic!("{asked:?}"),
            };
            let [_blocked, other] = [wait(&lanes[0]), wait(&lanes[1])];
            turns.give_back(&lanes[0], Default::default(), 0);
            let mut passed = Duration::ZERO;
            while turns.poll(other, Waker::noop()).is_pending() {
                passed += interval;
                turns.tick(whole_ticks(interval, TICK));
                assert!(passed < Duration::from_secs(1), "it never passes on");
            }
            let latest = TURN_TAKEN_WITHIN + interval;
            assert!(passed > interval && passed <= latest, "{passed:?} of {latest:?}");
        }
    }
}
