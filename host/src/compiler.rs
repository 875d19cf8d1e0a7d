//! Compiling in a process of its own, which can be killed: what a stranger uploads may have been made to take forever,
//! or all memory.
//!
//! The process gets an order and the plugin on its standard input, and answers with machine code on its standard
//! output. It has no environment, opens no file, ends with the thread that started it, and is bounded in address space,
//! processor time and wall-clock time.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process_group, set_parent_process_death_signal,
    setrlimit, waitid,
};
use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Precompiled};

use crate::engine::{self, Pool, Strategy};
use crate::fault::chain;
use crate::limits::HostLimits;
use crate::text::clip;

/// A program that calls [`compiler::serve`](serve) when it is started with these arguments, and does nothing else
/// then. Your own program can be it: look for the argument first thing in `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompilerProcess {
    /// The program, by an absolute path: it is started in `/`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What is to be made, and what it may take.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) pool: Pool,
    pub(crate) strategy: Strategy,
    stack_bytes: usize,
    address_space: u64,
    processor_seconds: u64,
}

/// Why there is no machine code.
pub(crate) enum Failure {
    /// The compiler has read the plugin and refuses it.
    Refused(String),
    /// The compiler was stopped, or fell.
    Stopped(String),
}

impl Order {
    pub(crate) fn new(pool: Pool, strategy: Strategy, limits: &HostLimits) -> Self {
        Self {
            pool,
            strategy,
            stack_bytes: limits.stack_bytes,
            address_space: limits.compiler_bytes as u64,
            processor_seconds: limits.compiler_time.as_secs().max(1),
        }
    }

    fn engine(&self) -> wasmtime::Result<Engine> {
        let limits = HostLimits { stack_bytes: self.stack_bytes, ..HostLimits::default() };
        Engine::new(&engine::target(&limits, self.pool, self.strategy))
    }
}

impl CompilerProcess {
    /// Compiles `plugin`. It ends at the latest after `time`, whatever the process does.
    pub(crate) fn compile(&self, order: Order, plugin: &[u8], time: Duration, cap: usize) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + time;
        let stopped = |what: &str, error: &dyn std::fmt::Display| Failure::Stopped(format!("{what}: {error}"));
        let order = serde_json::to_vec(&order).map_err(|error| stopped("cannot write the order", &error))?;
        let program = self.program.display();
        if !self.program.is_absolute() {
            return Err(Failure::Stopped(format!("the compiler `{program}` is not named by an absolute path")));
        }
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| stopped(&format!("cannot start the compiler `{program}`"), &error))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut group = Group { child, status: None };
        let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(Failure::Stopped("the compiler has no standard streams".to_owned()));
        };
        std::thread::scope(|scope| {
            // It may stop reading at any time, and says why on the other streams.
            scope.spawn(move || {
                let length = u32::try_from(order.len()).unwrap_or_default().to_le_bytes();
                stdin.write_all(&length).and_then(|()| stdin.write_all(&order)).and_then(|()| stdin.write_all(plugin))
            });
            let (finished, outcome) = mpsc::channel();
            let reader = scope.spawn(move || {
                let code = read(stdout, cap);
                let _ = finished.send(code.is_ok());
                code
            });
            let words = scope.spawn(move || read(stderr, 64 << 10));
            // If it has said all it ends by itself. If it does not, or says too much, all of its streams end now.
            let in_time = match outcome.recv_timeout(time) {
                Ok(true) => group.wait_until(end),
                Ok(false) => Ok(true),
                Err(_) => Ok(false),
            };
            let status = group.end();
            let (code, words) = (reader.join(), words.join());
            let waited = |error: io::Error| stopped("cannot wait for the compiler", &error);
            let (in_time, status) = (in_time.map_err(waited)?, status.map_err(waited)?);
            let words = words.ok().and_then(Result::ok).unwrap_or_default();
            if !in_time {
                return Err(Failure::Stopped(format!(
                    "it was not done after {time:.1?} (`HostLimits::compiler_time`)"
                )));
            }
            match (code, status.code()) {
                (Ok(Err(error)), _) => Err(stopped("the machine code cannot be read", &error)),
                (Ok(Ok(code)), Some(0)) if Engine::detect_precompiled(&code) == Some(Precompiled::Component) => {
                    Ok(code)
                }
                (_, Some(0)) => Err(Failure::Stopped(format!("what the compiler `{program}` made is no machine code"))),
                (_, Some(REFUSED)) => Err(Failure::Refused(clip(&String::from_utf8_lossy(&words)))),
                _ => Err(Failure::Stopped(format!(
                    "the compiler ended with {status}, within `HostLimits::compiler_bytes` and `compiler_time`: {}",
                    clip(String::from_utf8_lossy(&words).trim_end())
                ))),
            }
        })
    }
}

/// A process, and all that it started: none of them outlives its use.
struct Group {
    child: Child,
    /// Once it was waited for: then its id may be another's.
    status: Option<ExitStatus>,
}

impl Group {
    /// Waits until it has ended by itself; whether it has, at `end`.
    fn wait_until(&self, end: Instant) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_none() {
            if Instant::now() >= end {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(true)
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        // There may be nobody left to kill.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn read(stream: impl Read, cap: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(cap as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > cap {
        return Err(io::Error::other(format!("more than {cap} bytes (`HostLimits::code_bytes`)")));
    }
    Ok(bytes)
}

/// The exit code of a compiler that refuses a plugin, as against one that falls, or a program that is none: `EX_DATAERR`.
const REFUSED: i32 = 65;

/// The other side: what a [`CompilerProcess`] does. It gives up every right that it does not need before it reads a
/// byte of the plugin.
#[must_use]
pub fn serve() -> ExitCode {
    let (code, text) = match answer() {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Refused(text)) => (REFUSED, text),
        Err(Failure::Stopped(text)) => (1, text),
    };
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn answer() -> Result<(), Failure> {
    let stopped = |error: io::Error| Failure::Stopped(error.to_string());
    let mut input = io::stdin().lock();
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(stopped)?;
    let mut order = Vec::new();
    (&mut input).take(u64::from(u32::from_le_bytes(length))).read_to_end(&mut order).map_err(stopped)?;
    let order: Order = serde_json::from_slice(&order).map_err(|error| Failure::Stopped(error.to_string()))?;
    give_up_rights(&order).map_err(stopped)?;
    let mut plugin = Vec::new();
    input.read_to_end(&mut plugin).map_err(stopped)?;
    let engine = order.engine().map_err(|error| Failure::Stopped(chain(&error)))?;
    let code = engine.precompile_component(&plugin).map_err(|error| Failure::Refused(chain(&error)))?;
    io::stdout().write_all(&code).map_err(stopped)
}

fn give_up_rights(order: &Order) -> io::Result<()> {
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    limit(Resource::As, order.address_space)?;
    limit(Resource::Cpu, order.processor_seconds)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    // What is open stays open; nothing else can be.
    limit(Resource::Nofile, 3)?;
    rustix::thread::set_no_new_privs(true)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // From here on it ends with the thread that started it. If that has ended before, nobody reads any more.
    let output = io::stdout();
    let mut reader = [PollFd::new(&output, PollFlags::empty())];
    match poll(&mut reader, Some(&Timespec::default()))? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
