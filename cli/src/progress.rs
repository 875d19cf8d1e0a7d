//! Progress: a line on the terminal of standard error while something takes long. Nothing is left of it afterwards, and
//! nothing is written if standard error is not a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{logging, notes};

/// The time after which the line appears. What takes less is not shown.
const DELAY: Duration = Duration::from_millis(300);

/// The time between two looks at the line.
const INTERVAL: Duration = Duration::from_millis(100);

/// Returns to the start of the line, and erases it.
const ERASE: &[u8] = b"\r\x1b[K";

/// The line, if there is one.
static LINE: Mutex<Option<Line>> = Mutex::new(None);

/// Wakes the thread that draws.
static DONE: Condvar = Condvar::new();

/// The line of the work that is done now.
#[derive(Debug)]
struct Line {
    label: String,
    started: Instant,
    /// The seconds on the terminal, if the line is there.
    drawn: Option<u64>,
    /// Whether the cursor stands at the start of a line, where this one can be written.
    is_at_start: bool,
}

/// Work whose progress is shown until this value is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    thread: Option<JoinHandle<()>>,
}

fn line() -> MutexGuard<'static, Option<Line>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether progress is shown: on a terminal that can erase a line, and beside no other lines.
pub(crate) fn is_shown() -> bool {
    let can_erase = std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
    io::stderr().is_terminal() && can_erase && !notes::is_quiet() && !logging::is_requested()
}

impl Progress {
    /// Shows what is done, for example `building my-check`.
    pub(crate) fn start(label: impl Into<String>) -> Self {
        if !is_shown() {
            return Self { thread: None };
        }
        *line() = Some(Line { label: label.into(), started: Instant::now(), drawn: None, is_at_start: true });
        // Without a thread, nothing is shown.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(draw_until_done);
        Self { thread: thread.ok() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        end();
        DONE.notify_all();
        // It draws nothing any more.
        let _ = thread.join();
    }
}

fn draw_until_done() {
    let mut guard = line();
    while let Some(line) = guard.as_mut() {
        if let Some(text) = line.due(line.started.elapsed()) {
            // A line that cannot be written changes nothing.
            let _ = io::stderr().write_all(text.as_bytes());
        }
        guard = DONE.wait_timeout(guard, INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Line {
    /// The text that shows the line after this time, unless the terminal shows it already.
    fn due(&mut self, elapsed: Duration) -> Option<String> {
        let seconds = elapsed.as_secs();
        if elapsed < DELAY || self.drawn == Some(seconds) || !self.is_at_start {
            return None;
        }
        self.drawn = Some(seconds);
        Some(format!("\r{}, {seconds} s\x1b[K", self.label))
    }

    /// What erases the line, or ends that of a tool.
    fn last(&mut self) -> &'static [u8] {
        if self.is_at_start { self.erased() } else { b"\n" }
    }

    /// What erases the line.
    fn erased(&mut self) -> &'static [u8] {
        if self.drawn.take().is_some() { ERASE } else { b"" }
    }
}

/// Writes to standard error, in the place of the line. It appears again below.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut guard = line();
    let mut stderr = io::stderr().lock();
    if let (Some(line), Some(last)) = (guard.as_mut(), bytes.last()) {
        stderr.write_all(line.erased())?;
        line.is_at_start = matches!(last, b'\n' | b'\r');
    }
    stderr.write_all(bytes)
}

/// Erases the line for the last time, because the work or this process ends now.
pub(crate) fn end() {
    // A thread that holds the lock does not wait for anything.
    if let Some(mut line) = line().take() {
        let _ = io::stderr().write_all(line.last());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_appears_after_a_while_and_changes_each_second() {
        let mut line = Line { label: "building a".to_owned(), started: Instant::now(), drawn: None, is_at_start: true };
        assert_eq!(line.erased(), b"");
        let due: Vec<_> = [0, 299, 300, 900, 1_000, 1_100, 61_000]
            .into_iter()
            .filter_map(|time| line.due(Duration::from_millis(time)))
            .collect();
        assert_eq!(due, [0, 1, 61].map(|seconds| format!("\rbuilding a, {seconds} s\x1b[K")));
        assert_eq!((line.erased(), line.erased()), (ERASE, &b""[..]));
        assert!(line.due(Duration::from_secs(61)).is_some(), "it appears again after it was erased");
        line.is_at_start = false;
        assert_eq!(line.due(Duration::from_secs(62)), None, "it does not continue a line of a tool");
        assert_eq!(line.last(), b"\n", "the next line does not continue it either");
    }
}
