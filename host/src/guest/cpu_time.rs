//! The processor time of one evaluation.
//!
//! Reading the processor clock of a thread is a system call, which costs about as much as a small check. So the first
//! slice of an evaluation begins with a reading that may be one tick old, and a first slice that is shorter than a tick
//! is charged by the wall clock. Together, an evaluation is charged at most one tick more than the thread has run for
//! it, also if the thread was preempted.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::turns::fair_queue::Paid;

/// One slice of an evaluation on its thread: the time from when it gets its turn until it gives the turn back.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    /// The processor time of the evaluation before this slice.
    before: Duration,
    began: Instant,
    /// The thread's clock when the slice began, or up to a tick earlier in a first slice.
    clock: Duration,
    /// Up to this wall-clock time the clock is not read.
    unread: Duration,
}

impl Slice {
    /// The first slice of an evaluation. `tick` is the interval of the host's ticks.
    pub(super) fn first(tick: Duration) -> Self {
        let began = Instant::now();
        let recent = LAST.get().filter(|last| began.saturating_duration_since(last.at) < tick);
        let clock = recent.map_or_else(thread_clock, |last| last.clock);
        Self { before: Duration::ZERO, began, clock, unread: tick }
    }

    /// A further slice, after those that took `before` together.
    pub(super) fn next(before: Duration) -> Self {
        Self { before, began: Instant::now(), clock: thread_clock(), unread: Duration::ZERO }
    }

    /// The processor time of this slice so far.
    pub(super) fn used(&self) -> Duration {
        let elapsed = self.began.elapsed();
        if elapsed < self.unread { elapsed } else { thread_clock().saturating_sub(self.clock).min(elapsed) }
    }
}

/// The slice that runs on this thread, and what its tenant has paid for it. Nothing is paid without a turn.
#[derive(Clone, Copy)]
pub(super) struct Running {
    pub(super) slice: Slice,
    pub(super) paid: Option<Paid>,
}

impl Running {
    /// Runs `work` in the slice. It may be inside another one, because a native check may run one evaluation inside
    /// another.
    pub(super) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let _outer = Outer(RUNNING.replace(Some(self)));
        work()
    }

    /// The slice that runs on this thread, if there is one.
    pub(super) fn here() -> Option<Self> {
        RUNNING.get()
    }

    /// The wall-clock time since the slice began. It is not more than the processor time so far, unless the thread was
    /// preempted.
    pub(super) fn elapsed(&self) -> Duration {
        self.slice.began.elapsed()
    }
}

/// The processor time of the evaluation that runs on this thread, so far.
pub(super) fn cpu_time_so_far() -> Duration {
    RUNNING.get().map_or(Duration::ZERO, |running| running.slice.before + running.slice.used())
}

/// Whether a guest that is met by a tick may go on until the next one: its slice on this thread began less than half a
/// tick ago, and no guest of this thread went on at the last one. One turn of a task may evaluate many checks in a row,
/// so they take at most two ticks together before one of them yields.
pub(super) fn may_go_on(tick: Duration) -> bool {
    let began_just_now = RUNNING.get().is_none_or(|running| running.elapsed() < tick / 2);
    let may = began_just_now && !WENT_ON.get();
    WENT_ON.set(may);
    may
}

/// A reading of this thread's clock.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    clock: Duration,
}

thread_local! {
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
    static LAST: Cell<Option<Reading>> = const { Cell::new(None) };
    static WENT_ON: Cell<bool> = const { Cell::new(false) };
}

/// The processor time of this thread.
fn thread_clock() -> Duration {
    let at = Instant::now();
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let clock = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default());
    LAST.set(Some(Reading { at, clock }));
    clock
}

/// Restores the outer slice, also after a panic.
struct Outer(Option<Running>);

impl Drop for Outer {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}
