//! The compiler process. An untrusted plugin may be crafted so that compiling it takes forever or uses up all memory: a
//! separate process can be bounded and killed.
//!
//! The process reads an order and the plugin from its standard input, and writes machine code to its standard output.
//! It has no environment, ends with the thread that started it, and is bounded in wall-clock time from outside
//! (`child`), and in everything else by itself, before it reads a byte of the plugin (`confinement`).

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Precompiled};

use crate::code::child::{Caps, Child, Excess};
use crate::code::confinement::{Confinement, start_threads};
use crate::engine::PluginEngine;
use crate::engine::config::{self, Pool, Reservation, Strategy};
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
    reservation: Reservation,
    pool: Pool,
    strategy: Strategy,
    stack_bytes: usize,
    confinement: Confinement,
}

/// The reason why a compiler process produced no machine code.
#[derive(Debug)]
pub(super) enum Failure {
    /// The compiler could not be started, or not be confined. It has read nothing of the plugin.
    NotReady(String),
    /// The compiler rejected the plugin.
    Rejected(String),
    /// The compiler was stopped, or crashed.
    Stopped(String),
}

impl Order {
    pub(super) fn new(engine: &PluginEngine, limits: &HostLimits) -> Self {
        Self {
            reservation: engine.reservation,
            pool: engine.pool,
            strategy: engine.strategy,
            stack_bytes: limits.stack_bytes,
            confinement: Confinement {
                address_space: limits.compiler_bytes as u64,
                processor_seconds: limits.compiler_time.as_secs().max(1),
            },
        }
    }

    fn engine(&self) -> wasmtime::Result<Engine> {
        let limits = HostLimits { stack_bytes: self.stack_bytes, ..HostLimits::default() };
        Engine::new(&config::target(&limits, self.reservation, self.pool, self.strategy))
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
            Err(Failure::NotReady(text)) => (EX_OSERR, text),
            Err(Failure::Rejected(text)) => (EX_DATAERR, text),
            Err(Failure::Stopped(text)) => (1, text),
        };
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }

    /// Compiles `plugin`. Whatever the process does, this returns after `time`, and the time that the kernel takes to end
    /// the process.
    /// Returns its processor time too.
    pub(super) fn compile(
        &self,
        order: Order,
        plugin: &[u8],
        time: Duration,
        cap: usize,
    ) -> (Result<Vec<u8>, Failure>, Duration) {
        let mut cpu_time = Duration::ZERO;
        (self.compile_timed(order, plugin, time, cap, &mut cpu_time), cpu_time)
    }

    fn compile_timed(
        &self,
        order: Order,
        plugin: &[u8],
        time: Duration,
        cap: usize,
        cpu_time: &mut Duration,
    ) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + time;
        let program = self.program.display();
        let not_ready = |what: &str, error: &dyn std::fmt::Display| Failure::NotReady(format!("{what}: {error}"));
        let order = serde_json::to_vec(&order).map_err(|error| not_ready("cannot write the order", &error))?;
        let length = u32::try_from(order.len()).unwrap_or_default().to_le_bytes();
        if !self.program.is_absolute() {
            return Err(Failure::NotReady(format!("the compiler `{program}` is not named by an absolute path")));
        }
        let mut command = Command::new(&self.program);
        let child = Child::start(command.args(&self.arguments).env_clear().current_dir("/"));
        let child = child.map_err(|error| not_ready(&format!("cannot start the compiler `{program}`"), &error))?;
        let caps = Caps { output: cap, errors: 64 << 10 };
        let answer = child.exchange(&[&length, &order, plugin], end, caps);
        let answer = answer.map_err(|error| Failure::Stopped(format!("cannot wait for the compiler: {error}")))?;
        *cpu_time = answer.cpu_time;
        let errors = clip(String::from_utf8_lossy(&answer.errors).trim_end());
        match (answer.output, answer.status.code()) {
            (Err(Excess::Time), _) => {
                Err(Failure::Stopped(format!("it did not finish within {time:.1?} (`HostLimits::compiler_time`)")))
            }
            (Err(Excess::Output), _) => {
                Err(Failure::Stopped(format!("its machine code has more than {cap} bytes (`HostLimits::code_bytes`)")))
            }
            (Ok(code), Some(0)) if Engine::detect_precompiled(&code) == Some(Precompiled::Component) => Ok(code),
            (Ok(_), Some(0)) => Err(Failure::Stopped(format!("the compiler `{program}` did not produce machine code"))),
            (Ok(_), Some(EX_DATAERR)) => Err(Failure::Rejected(errors)),
            (Ok(_), Some(EX_OSERR)) => Err(not_ready("the compiler cannot be confined", &errors)),
            _ => Err(Failure::Stopped(format!(
                "the compiler ended with {}, within `HostLimits::compiler_bytes` and `compiler_time`: {errors}",
                answer.status
            ))),
        }
    }
}

/// The exit code `EX_DATAERR`: the compiler rejected the plugin. Codes that are not named here mean a crash, or a
/// program that is not our compiler.
const EX_DATAERR: i32 = 65;

/// The exit code `EX_OSERR`: the compiler has not read the plugin.
const EX_OSERR: i32 = 71;

/// The largest order, in bytes.
const MAX_ORDER_BYTES: u64 = 64 << 10;

/// The niceness of the process.
const NICENESS: i32 = 10;

/// The work of the compiler process: reads an order and a plugin, and writes machine code.
fn answer() -> Result<(), Failure> {
    // Decisions come first. On Linux this is the priority of the thread, and of those that it starts.
    let _ = rustix::process::nice(NICENESS);
    let mut input = io::stdin().lock();
    let engine = prepare(&mut input).map_err(Failure::NotReady)?;
    let stopped = |error: io::Error| Failure::Stopped(error.to_string());
    let mut plugin = Vec::new();
    input.read_to_end(&mut plugin).map_err(stopped)?;
    let code = engine.precompile_component(&plugin).map_err(|error| Failure::Rejected(error_chain(&error)))?;
    io::stdout().write_all(&code).map_err(stopped)
}

/// Reads the order, makes the engine, and confines this process.
fn prepare(input: &mut impl Read) -> Result<Engine, String> {
    let text = |error: io::Error| error.to_string();
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(text)?;
    let length = u64::from(u32::from_le_bytes(length)).min(MAX_ORDER_BYTES);
    let mut order = Vec::new();
    input.take(length).read_to_end(&mut order).map_err(text)?;
    let order: Order = serde_json::from_slice(&order).map_err(|error| error.to_string())?;
    let engine = order.engine().map_err(|error| error_chain(&error))?;
    start_threads();
    end_with_parent().and_then(|()| order.confinement.apply()).map_err(text)?;
    Ok(engine)
}

/// From here on, this process ends with the thread that started it. If that thread ended before, the pipe is broken.
fn end_with_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let output = io::stdout();
    let mut reader = [PollFd::new(&output, PollFlags::empty())];
    match poll(&mut reader, Some(&Timespec::default()))? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
