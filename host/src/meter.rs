//! Processor time of one evaluation, as against the wall-clock time that it takes.
//!
//! To ask the kernel costs as much as a small check does. So it is asked once a tick and not before: until then the
//! time that an evaluation has its thread for is taken, which is more than its processor time by less than a tick.

use std::cell::Cell;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One turn of an evaluation on its thread.
#[derive(Clone, Copy)]
struct Turn {
    /// Processor time of the evaluation before.
    before: Duration,
    began: Instant,
    /// At the first tick of this turn: the processor time by then, and what the thread's clock said.
    first_tick: Option<(Duration, Duration)>,
}

impl Turn {
    fn cpu(&self) -> Duration {
        match self.first_tick {
            Some((by_then, clock)) => by_then + thread_clock().saturating_sub(clock),
            None => self.before + self.began.elapsed(),
        }
    }
}

thread_local! {
    static TURN: Cell<Option<Turn>> = const { Cell::new(None) };
}

/// The processor time that this thread has had.
fn thread_clock() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// What the evaluation whose turn it is on this thread has taken. To be asked at a tick.
pub(crate) fn cpu_at_tick() -> Duration {
    let Some(mut turn) = TURN.get() else { return Duration::ZERO };
    let cpu = turn.cpu();
    if turn.first_tick.is_none() {
        turn.first_tick = Some((cpu, thread_clock()));
        TURN.set(Some(turn));
    }
    cpu
}

/// Runs a future and measures its processor time.
pub(crate) async fn metered<F: Future + Unpin>(mut future: F) -> (F::Output, Duration) {
    let mut cpu = Duration::ZERO;
    let output = std::future::poll_fn(|context| {
        let turn = Turn { before: cpu, began: Instant::now(), first_tick: None };
        // One evaluation may be made inside another, by a native check.
        let outer = OuterTurn(TURN.replace(Some(turn)));
        let poll = Pin::new(&mut future).poll(context);
        cpu = TURN.get().map_or(cpu, |turn| turn.cpu());
        drop(outer);
        poll
    })
    .await;
    (output, cpu)
}

/// Puts back whose turn it was before, also after a panic.
struct OuterTurn(Option<Turn>);

impl Drop for OuterTurn {
    fn drop(&mut self) {
        TURN.set(self.0);
    }
}
