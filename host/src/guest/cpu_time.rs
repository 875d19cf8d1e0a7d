//! The processor time of one evaluation.
//!
//! `CLOCK_THREAD_CPUTIME_ID` costs about as much as a small check, so it is read at most once per tick. Until the first
//! tick of a turn, wall-clock time on the thread stands in, which over-counts by less than a tick.

use std::cell::Cell;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One turn of an evaluation on its thread: the time between two yields.
#[derive(Clone, Copy)]
struct Turn {
    /// The processor time of the evaluation before this turn.
    before: Duration,
    began: Instant,
    /// At the first tick of this turn: the processor time by then, and the reading of the thread's clock.
    first_tick: Option<(Duration, Duration)>,
}

impl Turn {
    fn cpu_time(&self) -> Duration {
        match self.first_tick {
            Some((by_then, clock)) => by_then + thread_clock().saturating_sub(clock),
            None => self.before + self.began.elapsed(),
        }
    }
}

thread_local! {
    static TURN: Cell<Option<Turn>> = const { Cell::new(None) };
}

/// The processor time of this thread.
fn thread_clock() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The processor time of the evaluation that has its turn on this thread. Call it at a tick.
pub(super) fn cpu_time_at_tick() -> Duration {
    let Some(mut turn) = TURN.get() else { return Duration::ZERO };
    let cpu_time = turn.cpu_time();
    if turn.first_tick.is_none() {
        turn.first_tick = Some((cpu_time, thread_clock()));
        TURN.set(Some(turn));
    }
    cpu_time
}

/// Runs a future and measures its processor time.
pub(crate) async fn metered<F: Future + Unpin>(mut future: F) -> (F::Output, Duration) {
    let mut cpu_time = Duration::ZERO;
    let output = std::future::poll_fn(|context| {
        let turn = Turn { before: cpu_time, began: Instant::now(), first_tick: None };
        // A native check may run one evaluation inside another.
        let outer = OuterTurn(TURN.replace(Some(turn)));
        let poll = Pin::new(&mut future).poll(context);
        cpu_time = TURN.get().map_or(cpu_time, |turn| turn.cpu_time());
        drop(outer);
        poll
    })
    .await;
    (output, cpu_time)
}

/// Restores the outer turn, also after a panic.
struct OuterTurn(Option<Turn>);

impl Drop for OuterTurn {
    fn drop(&mut self) {
        TURN.set(self.0);
    }
}
