//! The thread that writes the lines of the decision log.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::observe::decision_log::destination::Sink;
use crate::observe::decision_log::line::{MIN_LINE_BYTES, line};
use crate::observe::decision_log::queue::{Entry, Line, Queue};
use crate::observe::decision_log::shared::{BATCH_BYTES, Shared, Sleep, State};
use crate::observe::timestamp::Timestamp;

/// The first wait after an error. Each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The longest wait after an error.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The line that stands where lines were lost.
#[derive(Serialize)]
struct Lost {
    time: Timestamp,
    lost_decisions: u64,
}

/// The time for which lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(5);

/// Writes lines until the log is stopped and its queue is empty, or until it is stopped while its destination fails.
pub(super) fn run(shared: &Shared, mut sink: Sink) {
    // Also if this thread panics: nobody may wait for it.
    let _ended = Ended(shared);
    while let Some(batch) = next(shared, &mut sink) {
        let written = write(shared, &mut sink, &batch.bytes);
        let is_whole = written == batch.bytes.len();
        let mut state = shared.lock();
        // A shutdown that did not wait for them has counted them already.
        let is_counted = state.lines_in_hand == 0;
        for (line, end) in &batch.lines {
            state.queue.release(line);
            if is_counted {
                continue;
            }
            let count = if *end <= written { &shared.counts.written } else { &shared.counts.shutdown };
            count.fetch_add(1, Ordering::Relaxed);
        }
        state.is_writing = false;
        state.lines_in_hand = 0;
        state.is_stalled &= !is_whole;
        if state.queue.has_room() {
            shared.room.notify_waiters();
        }
        shared.done.notify_all();
    }
}

/// Lines that are written together.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The lines of decisions, each with its end in `bytes`.
    lines: Vec<(Line, usize)>,
}

impl Batch {
    /// Takes lines from the queue, at least one if there is one.
    fn take(queue: &mut Queue) -> Self {
        let mut batch = Self::default();
        while batch.bytes.len() < BATCH_BYTES
            && let Some(entry) = queue.pop()
        {
            match entry {
                Entry::Line(line) => {
                    batch.bytes.extend_from_slice(&line.bytes);
                    batch.lines.push((line, batch.bytes.len()));
                }
                Entry::Lost(lost) => {
                    let document = Lost { time: Timestamp::now(), lost_decisions: lost };
                    batch.bytes.extend(line(&document, MIN_LINE_BYTES).unwrap_or_default());
                }
            }
        }
        batch
    }
}

/// The next lines; none if the log is stopped and its queue is empty. Opens the file again if that was asked for.
fn next(shared: &Shared, sink: &mut Sink) -> Option<Batch> {
    let mut state = shared.lock();
    // The end of the time for which further lines may join the first one.
    let mut gather: Option<Instant> = None;
    loop {
        if std::mem::take(&mut state.reopen) {
            // A caller that waits for the queue to be written also waits for this.
            state.is_writing = true;
            drop(state);
            reopen(shared, sink);
            state = shared.lock();
            state.is_writing = false;
            shared.done.notify_all();
        } else if state.queue.is_empty() {
            if state.stop {
                return None;
            }
            state = shared.sleep(state, Sleep::Line, None);
        } else {
            let end = *gather.get_or_insert_with(|| Instant::now() + GATHER);
            if state.is_urgent() || Instant::now() >= end {
                let batch = Batch::take(&mut state.queue);
                state.is_writing = true;
                state.lines_in_hand = u64::try_from(batch.lines.len()).unwrap_or(u64::MAX);
                return Some(batch);
            }
            state = shared.sleep(state, Sleep::Urgent, Some(end));
        }
    }
}

/// Writes all bytes, as often as that needs, and returns their number. They are fewer if the log is stopped while its
/// destination fails.
fn write(shared: &Shared, sink: &mut Sink, bytes: &[u8]) -> usize {
    let mut written = 0;
    let mut wait = FIRST_WAIT;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match sink.write(rest) {
            Ok(more) => {
                written += more;
                shared.progress.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                failed(shared, &error);
                let mut state = shared.lock();
                let is_over = |state: &State| state.reopen || state.stop;
                let end = Instant::now() + wait;
                while !is_over(&state) && Instant::now() < end {
                    state = shared.sleep(state, Sleep::Asked, Some(end));
                }
                if std::mem::take(&mut state.reopen) {
                    drop(state);
                    if reopen(shared, sink) {
                        // The new file gets the whole line.
                        written = start_of_line(bytes, written);
                    }
                } else if state.stop {
                    return written;
                }
                wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            }
        }
    }
    if shared.counts.is_failing.swap(false, Ordering::Relaxed) {
        tracing::warn!(target: "guardhouse::server", "the decision log is written again");
    }
    written
}

/// The beginning of the line that the byte at `at` is in.
fn start_of_line(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// Opens the file again, and says whether it is another one now.
fn reopen(shared: &Shared, sink: &mut Sink) -> bool {
    sink.reopen().unwrap_or_else(|error| {
        shared.counts.errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(target: "guardhouse::server", %error, "cannot reopen the decision log, the old file stays in use");
        false
    })
}

/// Counts an error, and reports the first one of several in a row.
fn failed(shared: &Shared, error: &io::Error) {
    shared.counts.errors.fetch_add(1, Ordering::Relaxed);
    if !shared.counts.is_failing.swap(true, Ordering::Relaxed) {
        tracing::error!(target: "guardhouse::server", %error, "cannot write the decision log, trying again");
    }
}

struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.done.notify_all();
        self.0.room.notify_waiters();
    }
}
