//! The thread that writes the lines of the decision log.

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use crate::observe::decision_log::destination::Sink;
use crate::observe::decision_log::line::{MIN_LINE_BYTES, line};
use crate::observe::decision_log::queue::Entry;
use crate::observe::decision_log::shared::{Shared, State};
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

/// Writes lines until the log is stopped and its queue is empty, or until it is stopped while its destination fails.
pub(super) fn run(shared: &Shared, mut sink: Sink) {
    // Also if this thread panics: nobody may wait for it.
    let _ended = Ended(shared);
    while let Some(entry) = next(shared, &mut sink) {
        let written = match &entry {
            Entry::Line(line) => write(shared, &mut sink, &line.bytes),
            Entry::Lost(lost) => {
                let document = Lost { time: Timestamp::now(), lost_decisions: *lost };
                write(shared, &mut sink, &line(&document, MIN_LINE_BYTES).unwrap_or_default())
            }
        };
        let mut state = shared.lock();
        if let Entry::Line(line) = &entry {
            state.queue.release(line);
            let count = if written { &shared.counts.written } else { &shared.counts.shutdown };
            count.fetch_add(1, Ordering::Relaxed);
        }
        state.is_writing = false;
        state.is_stalled &= !written;
        if written {
            shared.progress.fetch_add(1, Ordering::Relaxed);
        }
        if state.queue.has_room() {
            shared.room.notify_waiters();
        }
        shared.changed.notify_all();
    }
}

/// The next entry; none if the log is stopped and its queue is empty. Opens the file again if that was asked for.
fn next(shared: &Shared, sink: &mut Sink) -> Option<Entry> {
    let mut state = shared.lock();
    loop {
        if std::mem::take(&mut state.reopen) {
            // A caller that waits for the queue to be written also waits for this.
            state.is_writing = true;
            drop(state);
            reopen(shared, sink);
            state = shared.lock();
            state.is_writing = false;
            shared.changed.notify_all();
        } else if let Some(entry) = state.queue.pop() {
            state.is_writing = true;
            return Some(entry);
        } else if state.stop {
            return None;
        } else {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes all bytes, as often as that needs. False if the log is stopped while its destination fails.
fn write(shared: &Shared, sink: &mut Sink, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut wait = FIRST_WAIT;
    while !rest.is_empty() {
        match sink.write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) => {
                failed(shared, &error);
                let mut state = shared.lock();
                let is_over = |state: &State| state.reopen || state.stop;
                if !is_over(&state) {
                    state = shared
                        .changed
                        .wait_timeout_while(state, wait, |state| !is_over(state))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
                if std::mem::take(&mut state.reopen) {
                    drop(state);
                    reopen(shared, sink);
                    // The new file gets the whole line.
                    rest = bytes;
                } else if state.stop {
                    return false;
                }
                wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            }
        }
    }
    if shared.counts.is_failing.swap(false, Ordering::Relaxed) {
        tracing::warn!(target: "guardhouse::server", "the decision log is written again");
    }
    true
}

fn reopen(shared: &Shared, sink: &mut Sink) {
    if let Err(error) = sink.reopen() {
        shared.counts.errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(target: "guardhouse::server", %error, "cannot reopen the decision log, the old file stays in use");
    }
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
        self.0.changed.notify_all();
        self.0.room.notify_waiters();
    }
}
