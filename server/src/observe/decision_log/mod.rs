//! The decision log: one line of JSON for each decision, written by a thread of its own.

mod counts;
mod destination;
pub(super) mod line;
mod queue;
mod shared;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use self::counts::{LogCounts, LostLines};
pub use self::destination::Destination;

use self::destination::Sink;
use self::line::MIN_LINE_BYTES;
use self::queue::{Line, Queue};
use self::shared::Shared;
use crate::tenant_name::TenantName;

/// What becomes of a line for which the queue has no room, because the destination is slow or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The line is lost and counted. No decision waits.
    Drop,
    /// The answer of the decision waits for room. After this time the line is lost and counted; further decisions do not
    /// wait until a line was written again, so that a destination that hangs costs each caller this time at most once.
    Wait(Duration),
}

/// The settings of the decision log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// What becomes of a line without room. Default: [`WhenFull::Drop`].
    pub when_full: WhenFull,
    /// The size of the queue, in bytes. One tenant has at most a quarter of it. Default: 8 MiB.
    pub queue_bytes: usize,
    /// The maximum length of a line, in bytes: at least [`MIN_LINE_BYTES`], and at most a quarter of the queue.
    /// Default: 64 KiB.
    pub line_bytes: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { when_full: WhenFull::Drop, queue_bytes: 8 << 20, line_bytes: 64 << 10 }
    }
}

/// The decision log. A clone is shallow. Its thread ends when the last clone is dropped.
///
/// A destination that fails is tried again, at most every 5 seconds; meanwhile the queue fills. No failure changes a
/// decision.
#[derive(Debug, Clone)]
pub struct DecisionLog(Arc<Handle>);

/// What the thread does not hold, so that dropping it can end the thread.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    limits: LogLimits,
}

impl DecisionLog {
    /// Opens the destination, and starts the thread `guardhouse-log`.
    ///
    /// # Errors
    /// The error of the system; or [`io::ErrorKind::InvalidInput`] if a size in `limits` or the kind of the file is
    /// invalid.
    pub fn start(destination: Destination, limits: LogLimits) -> io::Result<Self> {
        if limits.line_bytes < MIN_LINE_BYTES || limits.line_bytes > limits.queue_bytes / Queue::SHARE {
            let message = "a line has at least 4 KiB, and at most a quarter of the queue";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let sink = Sink::open(destination)?;
        let shared = Arc::new(Shared::new(limits.queue_bytes));
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("guardhouse-log".to_owned()).spawn(move || writer::run(&of_thread, sink))?;
        Ok(Self(Arc::new(Handle { shared, limits })))
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> LogLimits {
        self.0.limits
    }

    /// Writes a line, which ends with its line end. It returns once the line is in the queue or lost, and says whether it
    /// is in the queue.
    pub async fn write(&self, tenant: Option<&TenantName>, line: Vec<u8>) -> bool {
        let shared = &*self.0.shared;
        if line.len() > self.0.limits.line_bytes {
            return shared.lose(&shared.counts.too_long);
        }
        let line = Line { tenant: tenant.cloned(), bytes: line };
        let (pushed, may_wait) = {
            let mut state = shared.lock();
            // Those who wait come first, or they would wait for ever.
            let is_turn = state.waiting == 0 || state.queue.has_room();
            let pushed = if is_turn { shared.push(&mut state, line) } else { Err(line) };
            (pushed, !state.is_stalled && !state.stop)
        };
        match (pushed, self.0.limits.when_full) {
            (Ok(()), _) => true,
            (Err(line), WhenFull::Wait(at_most)) if may_wait => shared.wait_to_push(line, at_most).await,
            (Err(_), _) => shared.lose(&shared.counts.queue_full),
        }
    }

    /// Counts a line that could not be made. Always false, as [`write`](Self::write) for a lost line.
    pub(super) fn lose_too_long(&self) -> bool {
        self.0.shared.lose(&self.0.shared.counts.too_long)
    }

    /// Opens the file again under its path, because it was renamed. No line is lost. A destination without a path is not
    /// changed.
    pub fn reopen(&self) {
        let mut state = self.0.shared.lock();
        state.reopen = true;
        self.0.shared.wake_writer(&mut state);
    }

    /// The counts since the start.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        let queue_bytes = self.0.shared.lock().queue.bytes();
        self.0.shared.counts.copy(queue_bytes)
    }

    /// Blocks until every line is written, at most for a time. It says whether that was so.
    pub fn flush(&self, at_most: Duration) -> bool {
        self.0.shared.wait_until(at_most, |state| state.queue.is_empty() && !state.is_writing && !state.reopen)
    }

    /// Writes what is in the queue, and ends the thread. Blocks at most for a time, after which the rest of the queue is
    /// lost. Returns the number of lines that were lost here.
    pub fn shutdown(&self, at_most: Duration) -> u64 {
        let shared = &self.0.shared;
        shared.stop();
        shared.wait_until(at_most, |state| state.has_ended);
        let mut state = shared.lock();
        let lost = state.queue.clear() + std::mem::take(&mut state.lines_in_hand);
        shared.counts.shutdown.fetch_add(lost, Ordering::Relaxed) + lost
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
