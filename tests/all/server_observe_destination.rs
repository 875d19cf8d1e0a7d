//! The destination of the decision log: slow, full, closed, renamed.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits, WhenFull};
use guardhouse_server::tenant_name::TenantName;
use rustix::fs::OFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::harness::decided::block_on;
use crate::harness::eventually;
use crate::isolated::survives;

/// A time that no test waits for unless it fails.
const LONG: Duration = Duration::from_secs(120);

/// A queue of sixteen lines, four of each tenant.
fn limits(when_full: WhenFull) -> LogLimits {
    LogLimits { when_full, queue_bytes: 16 << 10, line_bytes: 4 << 10 }
}

/// A line of 1 KiB.
fn line(number: usize) -> Vec<u8> {
    let mut line = format!("{{\"number\":{number},\"text\":\"");
    line.push_str(&"a".repeat(1021 - line.len()));
    line.push_str("\"}\n");
    assert_eq!(line.len(), 1024);
    line.into_bytes()
}

fn tenants() -> [TenantName; 4] {
    ["a", "b", "c", "d"].map(|name| name.parse().unwrap())
}

/// A pipe without room, whose bytes are all in `filling`.
struct FullPipe {
    reader: BufReader<std::io::PipeReader>,
    writer: File,
    filling: usize,
}

impl FullPipe {
    fn new() -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        let writer: File = OwnedFd::from(writer).into();
        // Another description of the pipe, so that the one of the log waits.
        let mut filler = File::options()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(format!("/proc/self/fd/{}", writer.as_raw_fd()))
            .unwrap();
        let mut filling = 0;
        while let Ok(bytes) = filler.write(&[b'\n'; 4096]) {
            filling += bytes;
        }
        Self { reader: BufReader::new(reader), writer, filling }
    }

    /// A log that writes to the pipe, whose thread is already writing its first line: of no tenant.
    fn log(&self, when_full: WhenFull) -> DecisionLog {
        let destination = Destination::Open(self.writer.try_clone().unwrap());
        DecisionLog::start(destination, limits(when_full)).unwrap()
    }

    /// Reads everything that is written until the log and all writers are dropped.
    fn read(self) -> Vec<Value> {
        let Self { reader, writer, filling } = self;
        drop(writer);
        let lines = reader.lines().map(Result::unwrap).skip(filling);
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

/// The sixteen lines that fill the queue.
async fn fill(log: &DecisionLog) {
    for number in 0..16 {
        assert!(log.write(Some(&tenants()[number % 4]), line(number)).await, "{number}");
    }
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["number"].as_u64()).collect()
}

#[test]
fn a_slow_destination_loses_lines_which_are_counted_and_told_where_they_were() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Drop);
    block_on(async {
        fill(&log).await;
        for number in 16..19 {
            assert!(!log.write(Some(&tenants()[0]), line(number)).await);
        }
        assert!(!log.write(None, line(19)).await);
    });
    let counts = log.counts();
    assert_eq!((counts.lost.queue_full, counts.lost.total(), counts.waits), (4, 4, 0));
    assert_eq!(counts.queue_bytes, 16 << 10);
    let reader = std::thread::spawn(move || pipe.read());
    assert!(log.flush(LONG));
    assert!(block_on(log.write(None, line(20))));
    assert_eq!(log.shutdown(LONG), 0);
    assert_eq!(log.counts().written, 17);
    drop(log);
    let lines = reader.join().unwrap();
    assert_eq!(numbers(&lines), (0..16).chain([20]).collect::<Vec<_>>());
    assert_eq!(lines[16]["lost_decisions"], 4);
}

#[test]
fn one_tenant_cannot_take_the_room_of_the_others() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Drop);
    let [greedy, other, ..] = tenants();
    block_on(async {
        for number in 0..100 {
            assert_eq!(log.write(Some(&greedy), line(number)).await, number < 4);
        }
        assert!(log.write(Some(&other), line(100)).await);
    });
    drop(pipe);
    log.shutdown(LONG);
}

#[test]
fn a_decision_waits_for_room_and_no_line_is_lost() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Wait(LONG));
    block_on(async {
        fill(&log).await;
        let mut one_more = Box::pin(log.write(None, line(16)));
        assert!(poll_once(one_more.as_mut()).is_pending());
        let reader = std::thread::spawn(move || pipe.read());
        assert!(one_more.as_mut().await);
        drop(one_more);
        assert_eq!(log.counts().waits, 1);
        assert_eq!(log.shutdown(LONG), 0);
        drop(log);
        assert_eq!(numbers(&reader.join().unwrap()), (0..17).collect::<Vec<_>>());
    });
}

#[test]
fn after_one_wait_in_vain_no_decision_waits_until_a_line_was_written() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Wait(Duration::ZERO));
    block_on(async {
        fill(&log).await;
        for number in 16..20 {
            assert!(!log.write(None, line(number)).await);
        }
        let counts = log.counts();
        assert_eq!((counts.waits, counts.lost.too_slow, counts.lost.queue_full), (1, 1, 3));
        let reader = std::thread::spawn(move || pipe.read());
        assert!(log.flush(LONG));
        assert!(log.write(None, line(20)).await);
        assert_eq!(log.shutdown(LONG), 0);
        drop(log);
        assert_eq!(reader.join().unwrap()[16]["lost_decisions"], 4);
    });
}

#[test]
fn a_caller_that_hangs_up_while_its_decision_waits_loses_the_line_which_is_counted() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Wait(LONG));
    block_on(async {
        fill(&log).await;
        {
            let waits = log.write(None, line(16));
            assert!(poll_once(std::pin::pin!(waits)).is_pending());
        }
        assert_eq!(log.counts().lost.cancelled, 1);
    });
    drop(pipe);
    log.shutdown(LONG);
}

#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Drop);
    block_on(fill(&log));
    assert_eq!(log.shutdown(Duration::ZERO), 16);
    assert_eq!(log.counts().lost.shutdown, 16);
    assert!(!block_on(log.write(None, line(17))));
}

#[test]
fn a_full_disk_is_counted_and_nothing_is_lost_once_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    symlink("/dev/full", &path).unwrap();
    let log = DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).unwrap();
    block_on(fill(&log));
    eventually("the write failed twice", || log.counts().errors >= 2);
    assert!(log.counts().is_failing);
    assert!(!block_on(log.write(Some(&tenants()[0]), line(16))));
    std::fs::remove_file(&path).unwrap();
    log.reopen();
    assert!(log.flush(LONG));
    let counts = log.counts();
    assert_eq!((counts.written, counts.is_failing, counts.lost.total()), (16, false, 1));
    let lines = read(&path);
    assert_eq!(numbers(&lines), (0..16).collect::<Vec<_>>());
    assert_eq!(lines[16]["lost_decisions"], 1);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_closed_pipe_is_counted_and_ends_with_the_server() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let destination = Destination::Open(OwnedFd::from(writer).into());
    let log = DecisionLog::start(destination, limits(WhenFull::Drop)).unwrap();
    block_on(fill(&log));
    eventually("the write failed", || log.counts().is_failing);
    assert_eq!(log.shutdown(LONG), 16);
}

#[test]
fn a_file_that_is_renamed_while_lines_are_written_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let all = LogLimits { when_full: WhenFull::Wait(LONG), ..limits(WhenFull::Drop) };
    let log = DecisionLog::start(Destination::File(path.clone()), all).unwrap();
    let writes = log.clone();
    let writer = std::thread::spawn(move || {
        block_on(async {
            for number in 0..2_000 {
                assert!(writes.write(None, line(number)).await);
            }
        });
    });
    let mut renamed = Vec::new();
    while !writer.is_finished() {
        let old = folder.path().join(format!("old-{}", renamed.len()));
        // The file exists only once the log opened it again.
        if std::fs::rename(&path, &old).is_ok() {
            renamed.push(old);
            log.reopen();
        }
    }
    writer.join().unwrap();
    assert!(log.flush(LONG));
    renamed.push(path);
    let lines: Vec<Value> = renamed.iter().filter(|path| path.exists()).flat_map(|path| read(path)).collect();
    assert_eq!(numbers(&lines), (0..2_000).collect::<Vec<_>>());
}

#[test]
fn a_file_that_cannot_be_reopened_stays_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).unwrap();
    let old = folder.path().join("old");
    std::fs::rename(&path, &old).unwrap();
    std::fs::create_dir(&path).unwrap();
    log.reopen();
    block_on(fill(&log));
    assert!(log.flush(LONG));
    assert_eq!((log.counts().errors, read(&old).len()), (1, 16));
}

#[test]
fn a_line_that_a_killed_server_cut_off_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    for (left, lines_before) in [("", 0), ("{\"a\":1}\n", 1), ("{\"a\":1}\n{\"a\":", 2)] {
        std::fs::write(&path, left).unwrap();
        let log = DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).unwrap();
        block_on(fill(&log));
        assert_eq!(log.shutdown(LONG), 0);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), lines_before + 16, "{left:?}");
        assert!(lines.iter().skip(lines_before).all(|line| serde_json::from_str::<Value>(line).is_ok()), "{left:?}");
    }
}

#[test]
fn a_destination_and_limits_that_cannot_work_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for path in [path, folder.path().to_owned(), folder.path().join("none/decisions.jsonl")] {
        assert!(DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).is_err(), "{path:?}");
    }
    for (queue_bytes, line_bytes) in [(16 << 10, (4 << 10) - 1), ((16 << 10) - 1, 4 << 10)] {
        let limits = LogLimits { queue_bytes, line_bytes, ..LogLimits::default() };
        assert!(DecisionLog::start(Destination::Stdout, limits).is_err(), "{limits:?}");
    }
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

/// Handles SIGXFSZ, which would end the process: with a handler, writing fails instead.
fn too_large_is_an_error(runtime: &tokio::runtime::Runtime) -> tokio::signal::unix::Signal {
    let _guard = runtime.enter();
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).unwrap()
}

/// Sets the room of each file, in bytes.
fn set_room(bytes: Option<u64>) {
    let room = Rlimit { current: bytes, maximum: getrlimit(Resource::Fsize).maximum };
    setrlimit(Resource::Fsize, room).unwrap();
}

#[test]
fn a_line_that_was_written_by_half_when_the_disk_was_full_is_whole_in_the_next_file() {
    survives("server_observe_destination::half_a_line");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn half_a_line() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _handler = too_large_is_an_error(&runtime);
    set_room(Some((10 << 10) + 512));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let log = DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).unwrap();
    runtime.block_on(fill(&log));
    eventually("the disk is full", || log.counts().is_failing);
    let old = folder.path().join("old");
    std::fs::rename(&path, &old).unwrap();
    log.reopen();
    assert!(log.flush(LONG));
    let text = std::fs::read_to_string(&old).unwrap();
    let (whole, half) = text.rsplit_once('\n').unwrap();
    assert_eq!((whole.lines().count(), half.len()), (10, 512));
    assert_eq!(numbers(&read(&path)), (10..16).collect::<Vec<_>>());
    assert_eq!((log.counts().written, log.counts().lost.total()), (16, 0));
}

#[test]
fn a_line_that_was_written_by_half_is_completed_in_the_same_file() {
    survives("server_observe_destination::half_a_line_in_the_same_file");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn half_a_line_in_the_same_file() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _handler = too_large_is_an_error(&runtime);
    for is_folder in [false, true] {
        set_room(Some((10 << 10) + 512));
        let folder = tempfile::tempdir().unwrap();
        let [path, old] = ["decisions.jsonl", "old"].map(|name| folder.path().join(name));
        let log = DecisionLog::start(Destination::File(path.clone()), limits(WhenFull::Drop)).unwrap();
        runtime.block_on(fill(&log));
        eventually("the disk is full", || log.counts().is_failing);
        if is_folder {
            // It cannot be opened again.
            std::fs::rename(&path, &old).unwrap();
            std::fs::create_dir(&path).unwrap();
        }
        log.reopen();
        let errors = log.counts().errors;
        // After the first one it is open again.
        eventually("a write fails again", || log.counts().errors >= errors + 3);
        set_room(getrlimit(Resource::Fsize).maximum);
        assert!(log.flush(LONG));
        let file = if is_folder { old } else { path };
        assert_eq!(numbers(&read(&file)), (0..16).collect::<Vec<_>>());
        assert_eq!((log.counts().written, log.counts().lost.total()), (16, 0));
    }
}

#[test]
fn a_line_that_is_lost_at_the_end_is_counted_once() {
    let pipe = FullPipe::new();
    let log = pipe.log(WhenFull::Drop);
    block_on(fill(&log));
    // Some lines are in the hand of the thread, which waits for the pipe.
    for _ in 0..3 {
        assert_eq!(log.shutdown(Duration::from_millis(1)), 16);
    }
    let reader = std::thread::spawn(move || pipe.read());
    assert_eq!(log.shutdown(LONG), 16);
    assert_eq!((log.counts().written, log.counts().lost.total()), (0, 16));
    drop(log);
    reader.join().unwrap();
}
