//! The part of the decision log that its thread and the decisions share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::lock::lock;
use crate::observe::decision_log::counts::Counts;
use crate::observe::decision_log::queue::{Line, Queue};

/// The bytes of lines that are written together. The writer does not wait for more.
pub(super) const BATCH_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Wakes the writer.
    pub(super) work: Condvar,
    /// Wakes those who wait for the writer to finish.
    pub(super) done: Condvar,
    /// Wakes the decisions that wait for room.
    pub(super) room: Notify,
    pub(super) counts: Counts,
    /// The writes that succeeded, by which a decision sees that the destination is not stuck.
    pub(super) progress: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    /// What wakes the writer, while it sleeps.
    pub(super) sleep: Option<Sleep>,
    pub(super) is_writing: bool,
    /// The lines that are being written.
    pub(super) lines_in_hand: u64,
    /// Those who wait until the queue is written.
    pub(super) flushing: usize,
    pub(super) reopen: bool,
    pub(super) stop: bool,
    pub(super) has_ended: bool,
    /// Whether a decision waited in vain, and no line was written since.
    pub(super) is_stalled: bool,
    /// The decisions that wait for room.
    pub(super) waiting: usize,
}

/// What wakes the writer while it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleep {
    /// Any line.
    Line,
    /// What must be written at once. Until its time is over, further lines only join the first one.
    Urgent,
    /// The end of the log, or another file. The destination fails.
    Asked,
}

impl State {
    /// The part of a small queue that is written at once: half of what one tenant has.
    const URGENT: usize = 2 * Queue::SHARE;

    /// Whether the writer does not wait for further lines.
    pub(super) fn is_urgent(&self) -> bool {
        let is_awaited = self.stop || self.reopen || self.flushing > 0 || self.waiting > 0;
        is_awaited || self.queue.bytes() >= BATCH_BYTES.min(self.queue.max_bytes() / Self::URGENT)
    }
}

impl Shared {
    pub(super) fn new(queue_bytes: usize) -> Self {
        let state = State {
            queue: Queue::new(queue_bytes),
            sleep: None,
            is_writing: false,
            lines_in_hand: 0,
            flushing: 0,
            reopen: false,
            stop: false,
            has_ended: false,
            is_stalled: false,
            waiting: 0,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            room: Notify::new(),
            counts: Counts::default(),
            progress: AtomicU64::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stop = true;
        self.wake_writer(&mut state);
    }

    /// Counts one lost line. Always false: the line is not in the queue.
    pub(super) fn lose(&self, reason: &AtomicU64) -> bool {
        reason.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.queue.lose(1);
        self.wake_writer(&mut state);
        false
    }

    /// Wakes the writer, if it sleeps and there is what it sleeps for. Each time takes a system call.
    pub(super) fn wake_writer(&self, state: &mut State) {
        let must_wake = match state.sleep {
            None => false,
            Some(Sleep::Line) => true,
            Some(Sleep::Urgent) => state.is_urgent(),
            Some(Sleep::Asked) => state.stop || state.reopen,
        };
        if must_wake {
            state.sleep = None;
            self.work.notify_one();
        }
    }

    /// Lets the writer sleep, at most until `end`.
    pub(super) fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        sleep: Sleep,
        end: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        state.sleep = Some(sleep);
        let mut state = match end {
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.sleep = None;
        state
    }

    pub(super) fn push(&self, state: &mut State, line: Line) -> Result<(), Line> {
        if state.stop {
            return Err(line);
        }
        state.queue.push(line)?;
        self.wake_writer(state);
        Ok(())
    }

    pub(super) async fn wait_to_push(&self, line: Line, at_most: Duration) -> bool {
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        {
            let mut state = self.lock();
            state.waiting += 1;
            self.wake_writer(&mut state);
        }
        let mut waiting = Waiting { shared: self, line: Some(line) };
        let before = self.progress.load(Ordering::Relaxed);
        match tokio::time::timeout(at_most, waiting.push()).await {
            Ok(()) => true,
            Err(_) => {
                waiting.line = None;
                // A share that stays full says nothing of the destination.
                self.lock().is_stalled |= self.progress.load(Ordering::Relaxed) == before;
                self.lose(&self.counts.too_slow)
            }
        }
    }

    /// Blocks until the writer has reached a state, at most for a time. It says whether that was so.
    pub(super) fn wait_until(&self, at_most: Duration, reached: impl Fn(&State) -> bool) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        state.flushing += 1;
        self.wake_writer(&mut state);
        let is_reached = loop {
            if reached(&state) {
                break true;
            }
            let left = at_most.saturating_sub(start.elapsed());
            if left.is_zero() {
                break false;
            }
            state = self.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.flushing -= 1;
        is_reached
    }
}

/// A decision that waits for room. A caller that hangs up loses the line only if there is still no room.
struct Waiting<'a> {
    shared: &'a Shared,
    line: Option<Line>,
}

impl Waiting<'_> {
    async fn push(&mut self) {
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            // Before the attempt, so that room which is made in between is not missed.
            room.as_mut().enable();
            if self.try_push() {
                return;
            }
            room.await;
        }
    }

    /// Whether the line is in the queue.
    fn try_push(&mut self) -> bool {
        let Some(line) = self.line.take() else { return true };
        self.line = self.shared.push(&mut self.shared.lock(), line).err();
        self.line.is_none()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.waiting = state.waiting.saturating_sub(1);
        drop(state);
        if !self.try_push() {
            self.shared.lose(&self.shared.counts.cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_small_queue_is_urgent_before_the_share_of_a_tenant_is_full() {
        for (queue_bytes, urgent) in [(16 << 10, 2 << 10), (256 << 10, 32 << 10), (8 << 20, BATCH_BYTES)] {
            let shared = Shared::new(queue_bytes);
            let mut state = shared.lock();
            for bytes in [urgent - 1, 1] {
                assert!(!state.is_urgent());
                assert_eq!(shared.push(&mut state, Line { tenant: None, bytes: vec![b'\n'; bytes] }), Ok(()));
            }
            assert!(state.is_urgent(), "{queue_bytes}");
        }
    }
}
