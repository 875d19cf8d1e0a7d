//! The part of the decision log that its thread and the decisions share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::lock::lock;
use crate::observe::decision_log::counts::Counts;
use crate::observe::decision_log::queue::{Line, Queue};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Wakes the writer, and those who wait for it to finish.
    pub(super) changed: Condvar,
    /// Wakes the decisions that wait for room.
    pub(super) room: Notify,
    pub(super) counts: Counts,
    /// The entries that were written, by which a decision sees that the destination is not stuck.
    pub(super) progress: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) is_writing: bool,
    pub(super) reopen: bool,
    pub(super) stop: bool,
    pub(super) has_ended: bool,
    /// Whether a decision waited in vain, and no line was written since.
    pub(super) is_stalled: bool,
    /// The decisions that wait for room.
    pub(super) waiting: usize,
}

impl Shared {
    pub(super) fn new(queue_bytes: usize) -> Self {
        let state = State {
            queue: Queue::new(queue_bytes),
            is_writing: false,
            reopen: false,
            stop: false,
            has_ended: false,
            is_stalled: false,
            waiting: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            room: Notify::new(),
            counts: Counts::default(),
            progress: AtomicU64::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Counts one lost line. Always false: the line is not in the queue.
    pub(super) fn lose(&self, reason: &AtomicU64) -> bool {
        reason.fetch_add(1, Ordering::Relaxed);
        self.lock().queue.lose(1);
        self.changed.notify_all();
        false
    }

    pub(super) fn push(&self, state: &mut State, line: Line) -> Result<(), Line> {
        if state.stop {
            return Err(line);
        }
        state.queue.push(line)?;
        self.changed.notify_all();
        Ok(())
    }

    pub(super) async fn wait_to_push(&self, line: Line, at_most: Duration) -> bool {
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.lock().waiting += 1;
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
        while !reached(&state) {
            let left = at_most.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
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
