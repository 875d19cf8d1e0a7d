//! A process that gets its input and gives its output over pipes, within a time and within caps. Every wait for it has
//! an end: it may close its streams or keep them open, exit early or late, or leave processes behind that hold a
//! stream.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// The time that the kernel has to end a process that was killed: it has to free its memory.
const KILL_TIME: Duration = Duration::from_secs(10);

/// The interval at which a process that has closed its output is asked whether it has exited.
const EXIT_INTERVAL: Duration = Duration::from_millis(1);

/// The unit of processor time in `/proc`: `USER_HZ` is 100 on every architecture that the host runs on.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// A process with all processes of its group. All of them are killed when this is dropped.
pub(super) struct Child {
    process: std::process::Child,
    start: Instant,
    /// Whether the process was killed. From then on its id may belong to another process, and must not be used.
    is_killed: bool,
}

/// The result of a process.
pub(super) struct Answer {
    /// Its standard output, or the error of a process that did not exit in time or wrote too much.
    pub(super) output: Result<Vec<u8>, Excess>,
    /// The beginning of its standard error.
    pub(super) errors: Vec<u8>,
    pub(super) status: ExitStatus,
    /// The processor time of all its threads.
    pub(super) cpu_time: Duration,
}

/// A cap that a process exceeded, for which it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    Time,
    Output,
}

/// The caps on what a process writes, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub(super) output: usize,
    pub(super) errors: usize,
}

impl Child {
    /// Starts a process in a group of its own.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let streams = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Self { process: streams.spawn()?, start: Instant::now(), is_killed: false })
    }

    /// Writes `input` to the process and reads what it writes, until it has closed its output and exited, or until
    /// `end`. Then the process is killed with its group. Bytes over the cap on errors are dropped.
    pub(super) fn exchange(mut self, input: &[&[u8]], end: Instant, caps: Caps) -> io::Result<Answer> {
        let mut input = Writer::new(self.process.stdin.take(), input)?;
        let mut output = Reader::new(self.process.stdout.take(), caps.output)?;
        let mut errors = Reader::new(self.process.stderr.take(), caps.errors)?;
        let excess = loop {
            output.read()?;
            errors.read()?;
            if output.is_full {
                break Some(Excess::Output);
            }
            if output.stream.is_none() && self.has_exited()? {
                // It may have written something before it exited.
                errors.read()?;
                break None;
            }
            let now = Instant::now();
            if now >= end {
                break Some(Excess::Time);
            }
            input.write();
            let wait = end - now;
            let wait = if output.stream.is_none() { wait.min(EXIT_INTERVAL) } else { wait };
            wait_for(&[output.waits(), errors.waits(), input.waits()], wait)?;
        };
        let (status, cpu_time) = self.kill()?;
        let output = excess.map_or(Ok(output.bytes), Err);
        Ok(Answer { output, errors: errors.bytes, status, cpu_time })
    }

    fn has_exited(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.process)), options)?.is_some())
    }

    /// Kills the process with its group, and waits for its end. Returns its processor time too.
    fn kill(&mut self) -> io::Result<(ExitStatus, Duration)> {
        if std::mem::replace(&mut self.is_killed, true) {
            return Err(io::Error::other("it was killed already"));
        }
        // The process may have ended already.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let end = Instant::now() + KILL_TIME;
        while !self.has_exited()? {
            if Instant::now() >= end {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("it did not end within {KILL_TIME:?}")));
            }
            std::thread::sleep(EXIT_INTERVAL);
        }
        // Once it has been waited for, its id may belong to another process.
        let cpu_time = cpu_time(self.process.id()).unwrap_or_else(|| self.start.elapsed());
        Ok((self.process.wait()?, cpu_time))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The processor time of a process that has ended, rounded up.
fn cpu_time(process: u32) -> Option<Duration> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program comes before, in parentheses, and may contain anything.
    let (_, fields) = status.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(CLOCK_TICK.saturating_mul(u32::try_from(user.saturating_add(system).saturating_add(1)).unwrap_or(u32::MAX)))
}

/// A stream and the condition that it waits for; none if it is closed.
type Waits<'a> = Option<(BorrowedFd<'a>, PollFlags)>;

/// Waits until one of the streams can be used, at most for `time`.
fn wait_for(streams: &[Waits<'_>], time: Duration) -> io::Result<()> {
    let open = streams.iter().flatten();
    let mut open: Vec<PollFd<'_>> = open.map(|(stream, flags)| PollFd::from_borrowed_fd(*stream, *flags)).collect();
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut open, Some(&time)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The standard input of the process, with what is still to be written. It is closed at the end, and if the process
/// does not read it any more: the process reports the reason on its other streams.
struct Writer<'a> {
    stream: Option<ChildStdin>,
    parts: Vec<&'a [u8]>,
}

impl<'a> Writer<'a> {
    fn new(stream: Option<ChildStdin>, parts: &[&'a [u8]]) -> io::Result<Self> {
        if let Some(stream) = &stream {
            ioctl_fionbio(stream, true)?;
        }
        Ok(Self { stream, parts: parts.iter().rev().copied().collect() })
    }

    /// Writes as much as the process takes now.
    fn write(&mut self) {
        while let Some((stream, part)) = self.stream.as_mut().zip(self.parts.last_mut()) {
            if part.is_empty() {
                self.parts.pop();
                continue;
            }
            match stream.write(part) {
                Ok(count) => *part = part.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.parts.clear(),
            }
        }
        self.stream = None;
    }

    fn waits(&self) -> Waits<'_> {
        Some((self.stream.as_ref()?.as_fd(), PollFlags::OUT))
    }
}

/// A stream of the process, with what was read of it. It is closed at its end, at an error, and once it is full.
struct Reader<S> {
    stream: Option<S>,
    bytes: Vec<u8>,
    cap: usize,
    /// Whether the process wrote more than the cap.
    is_full: bool,
}

impl<S: Read + AsFd> Reader<S> {
    fn new(stream: Option<S>, cap: usize) -> io::Result<Self> {
        if let Some(stream) = &stream {
            ioctl_fionbio(stream, true)?;
        }
        Ok(Self { stream, bytes: Vec::new(), cap, is_full: false })
    }

    /// Reads a part of what is there. All of it might have no end.
    fn read(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut chunk = [0; 64 << 10];
        let found = match stream.read(&mut chunk) {
            Ok(count) => chunk.get(..count).unwrap_or_default(),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => return Ok(()),
            Err(error) => return Err(error),
        };
        let kept = found.len().min(self.cap - self.bytes.len());
        self.bytes.extend_from_slice(found.get(..kept).unwrap_or_default());
        self.is_full = kept < found.len();
        if self.is_full || found.is_empty() {
            self.stream = None;
        }
        Ok(())
    }

    fn waits(&self) -> Waits<'_> {
        Some((self.stream.as_ref()?.as_fd(), PollFlags::IN))
    }
}
