//! The processor time of one evaluation.
//!
//! Reading the processor clock of a thread is a system call, which costs about as much as a small check. So the first
//! turn of an evaluation begins with a reading that may be one tick old, and a first turn that is shorter than a tick
//! is charged by the wall clock. Together, an evaluation is charged at most one tick more than the thread has run for
//! it, also if the thread was preempted.

use std::cell::Cell;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Runs a future and measures its processor time. `tick` is the interval of the host's ticks.
pub(crate) async fn metered<F: Future + Unpin>(mut future: F, tick: Duration) -> (F::Output, Duration) {
    let mut cpu_time = None;
    let output = std::future::poll_fn(|context| {
        let turn = cpu_time.map_or_else(|| Turn::first(tick), Turn::next);
        // A native check may run one evaluation inside another.
        let outer = OuterTurn(TURN.replace(Some(turn)));
        let poll = Pin::new(&mut future).poll(context);
        cpu_time = Some(turn.cpu_time());
        drop(outer);
        poll
    })
    .await;
    (output, cpu_time.unwrap_or_default())
}

/// The processor time of the evaluation that has its turn on this thread, so far.
pub(super) fn cpu_time_so_far() -> Duration {
    TURN.get().map_or(Duration::ZERO, |turn| turn.cpu_time())
}

/// Whether a guest that is met by a tick may go on until the next one: its turn on this thread began less than half a
/// tick ago, and no guest of this thread went on at the last one. One turn of a task may evaluate many checks in a row,
/// so they take at most two ticks together before one of them yields.
pub(super) fn may_go_on(tick: Duration) -> bool {
    let began_just_now = TURN.get().is_none_or(|turn| turn.began.elapsed() < tick / 2);
    let may = began_just_now && !WENT_ON.get();
    WENT_ON.set(may);
    may
}

/// One turn of an evaluation on its thread: the time between two yields.
#[derive(Clone, Copy)]
struct Turn {
    /// The processor time of the evaluation before this turn.
    before: Duration,
    began: Instant,
    /// The thread's clock when the turn began, or up to a tick earlier in a first turn.
    clock: Duration,
    /// Up to this wall-clock time the clock is not read.
    unread: Duration,
}

impl Turn {
    fn first(tick: Duration) -> Self {
        let began = Instant::now();
        let recent = LAST.get().filter(|last| began.saturating_duration_since(last.at) < tick);
        let clock = recent.map_or_else(thread_clock, |last| last.clock);
        Self { before: Duration::ZERO, began, clock, unread: tick }
    }

    fn next(before: Duration) -> Self {
        Self { before, began: Instant::now(), clock: thread_clock(), unread: Duration::ZERO }
    }

    fn cpu_time(&self) -> Duration {
        let elapsed = self.began.elapsed();
        let used = if elapsed < self.unread { elapsed } else { thread_clock().saturating_sub(self.clock).min(elapsed) };
        self.before + used
    }
}

/// A reading of this thread's clock.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    clock: Duration,
}

thread_local! {
    static TURN: Cell<Option<Turn>> = const { Cell::new(None) };
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

/// Restores the outer turn, also after a panic.
struct OuterTurn(Option<Turn>);

impl Drop for OuterTurn {
    fn drop(&mut self) {
        TURN.set(self.0);
    }
}
