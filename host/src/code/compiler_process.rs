//! The compiler process. An untrusted plugin may be crafted so that compiling it takes forever or uses up all memory: a
//! separate process can be bounded and killed.
//!
//! The process reads an order and the plugin from its standard input, and writes machine code to its standard output.
//! It has no environment, opens no file, ends with the thread that started it, and is bounded in address space,
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

use crate::engine::config::{self, Pool, Strategy};
use crate::guest::reason::error_chain;
use crate::limits::HostLimits;
use crate::util::text::clip;

/// A program that compiles plugins in a process of its own: it calls [`CompilerProcess::serve`] when it is started with
/// these arguments. Your own program can serve as the compiler, if `main` checks the arguments before it does anything
/// else:
///
/// ```no_run
/// use guardhouse::{CompilerProcess, Host};
///
/// fn main() -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
///     if std::env::args().nth(1).as_deref() == Some("compile-plugin") {
///         return Ok(CompilerProcess::serve());
///     }
///     let program = std::env::current_exe()?;
///     let compiler = CompilerProcess::new(program).argument("compile-plugin");
///     let host = Host::builder().compiler(compiler).build()?;
/// #   drop(host);
///     Ok(std::process::ExitCode::SUCCESS)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompilerProcess {
    /// The absolute path of the program. Its working directory is `/`.
    pub program: PathBuf,
    /// The arguments of the program.
    pub arguments: Vec<String>,
}

/// The order to a compiler process: the target, and the limits of the process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Order {
    pool: Pool,
    strategy: Strategy,
    stack_bytes: usize,
    address_space: u64,
    processor_seconds: u64,
}

/// The reason why a compiler process produced no machine code.
pub(super) enum Failure {
    /// The compiler rejected the plugin.
    Rejected(String),
    /// The compiler was stopped, or crashed.
    Stopped(String),
}

impl Order {
    pub(super) fn new(pool: Pool, strategy: Strategy, limits: &HostLimits) -> Self {
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
        Engine::new(&config::target(&limits, self.pool, self.strategy))
    }
}

impl CompilerProcess {
    /// A program without arguments. Its path must be absolute: the working directory of the process is `/`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new() }
    }

    /// The same program with one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs the compiler in this process, and returns the exit code for `main`. Before it reads a byte of the plugin,
    /// it gives up every right that it does not need.
    #[must_use]
    pub fn serve() -> ExitCode {
        let (code, text) = match answer() {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Failure::Rejected(text)) => (EX_DATAERR, text),
            Err(Failure::Stopped(text)) => (1, text),
        };
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }

    /// Compiles `plugin`. It returns after `time` at the latest, whatever the process does.
    pub(super) fn compile(&self, order: Order, plugin: &[u8], time: Duration, cap: usize) -> Result<Vec<u8>, Failure> {
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
            // Errors of writing are ignored: a process that stops reading reports the reason on its other streams.
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
            let errors = scope.spawn(move || read(stderr, 64 << 10));
            // A process exits once it has written all its code. A process that does not exit in time, or writes too
            // much, is killed.
            let in_time = match outcome.recv_timeout(time) {
                Ok(true) => group.wait_until(end),
                Ok(false) => Ok(true),
                Err(_) => Ok(false),
            };
            let status = group.end();
            let (code, errors) = (reader.join(), errors.join());
            let waited = |error: io::Error| stopped("cannot wait for the compiler", &error);
            let (in_time, status) = (in_time.map_err(waited)?, status.map_err(waited)?);
            let errors = errors.ok().and_then(Result::ok).unwrap_or_default();
            if !in_time {
                return Err(Failure::Stopped(format!(
                    "it did not finish within {time:.1?} (`HostLimits::compiler_time`)"
                )));
            }
            match (code, status.code()) {
                (Ok(Err(error)), _) => Err(stopped("the machine code cannot be read", &error)),
                (Ok(Ok(code)), Some(0)) if Engine::detect_precompiled(&code) == Some(Precompiled::Component) => {
                    Ok(code)
                }
                (_, Some(0)) => Err(Failure::Stopped(format!("the compiler `{program}` did not produce machine code"))),
                (_, Some(EX_DATAERR)) => Err(Failure::Rejected(clip(&String::from_utf8_lossy(&errors)))),
                _ => Err(Failure::Stopped(format!(
                    "the compiler ended with {status}, within `HostLimits::compiler_bytes` and `compiler_time`: {}",
                    clip(String::from_utf8_lossy(&errors).trim_end())
                ))),
            }
        })
    }
}

/// A process with all processes that it started. All of them are killed when the group is dropped.
struct Group {
    child: Child,
    /// The exit status, once the process was waited for. From then on its id may belong to another process, and must
    /// not be used.
    status: Option<ExitStatus>,
}

impl Group {
    /// Waits until the process exits, at most until `end`. Returns whether it has exited.
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
        // The process may have ended already.
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

/// The exit code `EX_DATAERR`: the compiler rejected the plugin. Other codes mean a crash, or a program that is not our
/// compiler.
const EX_DATAERR: i32 = 65;

/// The work of the compiler process: reads an order and a plugin, and writes machine code.
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
    let engine = order.engine().map_err(|error| Failure::Stopped(error_chain(&error)))?;
    let code = engine.precompile_component(&plugin).map_err(|error| Failure::Rejected(error_chain(&error)))?;
    io::stdout().write_all(&code).map_err(stopped)
}

/// Gives up every right that the compiler does not need, before it reads a byte of the plugin.
fn give_up_rights(order: &Order) -> io::Result<()> {
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    limit(Resource::As, order.address_space)?;
    limit(Resource::Cpu, order.processor_seconds)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    // The three standard streams stay open; no other file can be opened.
    limit(Resource::Nofile, 3)?;
    rustix::thread::set_no_new_privs(true)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // From here on the process ends with the thread that started it. If that thread ended before, the pipe is broken.
    let output = io::stdout();
    let mut reader = [PollFd::new(&output, PollFlags::empty())];
    match poll(&mut reader, Some(&Timespec::default()))? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
