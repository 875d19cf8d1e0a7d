//! Interruption: a signal ends the command, with the processes that it started.
//!
//! A build runs in a process of its own, in a session of its own: a terminal sends Ctrl-C to this process only, so the
//! tools print nothing about it. This process then ends all processes of its group, and removes their files.

use std::fs;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper,
    waitid, waitpgid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::progress;

/// The time in which killed processes end.
const END_TIME: Duration = Duration::from_secs(5);

/// The largest answer of a process, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// A signal ended the work.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("interrupted{}", if *during_build { ": nothing was built" } else { "" })]
pub(crate) struct Interrupted {
    signal: i32,
    during_build: bool,
}

impl Interrupted {
    /// The exit code, as shells report the signal.
    pub(crate) fn exit_code(self) -> u8 {
        u8::try_from(self.signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
    }
}

/// The work that a signal ends.
static STATE: Mutex<State> =
    Mutex::new(State { is_watched: false, has_files: false, has_built: false, process: None, received: None });

struct State {
    /// Whether signals are handled.
    is_watched: bool,
    /// Whether there may be files to remove. A signal does not end this process then, but only its work.
    has_files: bool,
    /// Whether the work is a build.
    has_built: bool,
    /// The process of a build. It was not waited for, so that its id belongs to no other process.
    process: Option<Pid>,
    /// The signal that ended the work.
    received: Option<i32>,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles signals from now on: Ctrl-C, the end of the terminal, and a request to end. Those that this process was
/// started to ignore, for example by `nohup`, stay ignored.
pub(crate) fn watch() -> Result<()> {
    if std::mem::replace(&mut state().is_watched, true) {
        return Ok(());
    }
    let ignored = ignored(&fs::read_to_string("/proc/self/status").unwrap_or_default());
    let handled = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(handled).context("cannot handle signals")?;
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || signals.forever().for_each(end)).context("cannot start the thread that handles signals")?;
    Ok(())
}

/// The mask of ignored signals in the status of a process; empty if it is not known.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn end(signal: i32) {
    let mut state = state();
    if state.has_files {
        state.received = Some(signal);
        if let Some(process) = state.process {
            kill(process);
        }
        return;
    }
    progress::end();
    let _ = writeln!(io::stderr(), "error: interrupted");
    std::process::exit(Interrupted { signal, during_build: false }.exit_code().into());
}

/// Runs `work`, which makes files and removes them again. After a signal its result is an error.
pub(crate) fn with_files<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    state().has_files = true;
    let result = work();
    let mut state = state();
    state.has_files = false;
    let during_build = std::mem::replace(&mut state.has_built, false);
    match state.received.take() {
        Some(signal) => Err(Interrupted { signal, during_build }.into()),
        None => result,
    }
}

/// Runs a process that calls [`rustix::process::setsid`], inside [`with_files`], and waits for its end. Then all other
/// processes of its group are ended, so that none of them writes a file afterwards. Returns its exit status and its
/// standard output.
pub(crate) fn run(command: &mut Command) -> Result<(ExitStatus, Vec<u8>)> {
    // Processes whose parent ended become children of this one, so that it can wait for them.
    set_child_subreaper(Some(getpid())).context("cannot adopt processes")?;
    let mut child = {
        let mut state = state();
        state.has_built = true;
        if let Some(signal) = state.received {
            return Err(Interrupted { signal, during_build: true }.into());
        }
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start the process of the build")?;
        state.process = Some(Pid::from_child(&child));
        child
    };
    let errors = relay(&mut child);
    let answer = read(&mut child);
    let process = Pid::from_child(&child);
    let ended = waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    state().process = None;
    kill(process);
    let status = child.wait().context("cannot wait for the process of the build")?;
    wait_for_group(process);
    if let Some(errors) = errors {
        // A process that left the group may keep the pipe open.
        let _ = errors.recv_timeout(END_TIME);
    }
    ended.context("cannot wait for the process of the build")?;
    Ok((status, answer.context("cannot read the answer of the build")?))
}

/// Passes on what the process writes to standard error, if that is a pipe. A message is received at its end.
fn relay(child: &mut Child) -> Option<Receiver<()>> {
    let mut stderr = child.stderr.take()?;
    let (end, ended) = channel();
    let pass = move || {
        let mut buffer = [0; 8 << 10];
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            // What cannot be written is lost, and the tool is not stopped.
            let _ = progress::write(buffer.get(..count).unwrap_or_default());
        }
        let _ = end.send(());
    };
    // Without a thread, the tools cannot write, and fail.
    std::thread::Builder::new().name("relay".to_owned()).spawn(pass).ok()?;
    Some(ended)
}

fn read(child: &mut Child) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    }
    Ok(answer)
}

/// Kills a process and those of its group, which it leads unless it was started just now.
fn kill(process: Pid) {
    // Either may have ended already.
    let _ = kill_process_group(process, Signal::KILL);
    let _ = kill_process(process, Signal::KILL);
}

/// Waits until no process of a killed group is left.
fn wait_for_group(group: Pid) {
    let end = Instant::now() + END_TIME;
    while Instant::now() < end {
        match waitpgid(group, WaitOptions::NOHANG) {
            Err(Errno::INTR) | Ok(Some(_)) => {}
            Err(_) => return,
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001003\nSigCgt:\t0000000000000002\n"), 0x1003);
        assert_eq!(ignored(""), 0);
        assert!(fs::read_to_string("/proc/self/status").unwrap().contains("\nSigIgn:"));
    }
}
