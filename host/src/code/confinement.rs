//! The confinement of the compiler process: the resources and the system calls that are left to it while it compiles.
//!
//! Everything that needs more is done before, while no byte of the plugin was read: the threads of the compiler are
//! started, and the memory allocator has seen each of them. What is left can use memory and processor time, read the
//! standard input, write to the standard output and error, and end. Two filters of system calls say so: the first
//! makes opening a file fail, because the allocator of the C library tries to, and does without; the second ends the
//! process at every other call that a compiler does not need.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::util::processors::processors;

/// The resources of one compiler process.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Confinement {
    /// In bytes.
    pub(super) address_space: u64,
    pub(super) processor_seconds: u64,
}

/// The maximum number of threads of one compiler. The stack and the allocator of each take up to 130 MiB of the address
/// space.
const MAX_THREADS: usize = 8;

/// Starts the threads that the compiler shares its work among. Once the process is confined, it can start none.
pub(super) fn start_threads() {
    // An error means that they were started already.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(processors().min(MAX_THREADS)).build_global();
    // Each thread runs this: it has started completely, and allocated memory.
    rayon::broadcast(|context| std::hint::black_box(vec![context.index()]));
}

impl Confinement {
    /// Confines this process, with all its threads, for the rest of its life.
    pub(super) fn apply(self) -> io::Result<()> {
        // Where this process already has less, it keeps that: it may not raise it.
        let limit = |resource, value: u64| {
            let value = Some(getrlimit(resource).maximum.map_or(value, |allowed| value.min(allowed)));
            setrlimit(resource, Rlimit { current: value, maximum: value })
        };
        rustix::thread::set_no_new_privs(true)?;
        limit(Resource::As, self.address_space)?;
        limit(Resource::Cpu, self.processor_seconds)?;
        limit(Resource::Core, 0)?;
        limit(Resource::Fsize, 0)?;
        // Open descriptors stay usable. Nothing can be opened, not even in the place of a stream that was closed.
        limit(Resource::Nofile, 0)?;
        for filter in filters().map_err(io::Error::other)? {
            seccompiler::apply_filter_all_threads(&filter).map_err(|error| {
                io::Error::other(format!("the kernel does not accept a filter of system calls (seccomp): {error}"))
            })?;
        }
        Ok(())
    }
}

/// The two filters, in the order in which they are installed. Of their two answers to a call, the stricter counts.
fn filters() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let opens: BTreeMap<_, _> = OPENS.iter().map(|call| (*call, Vec::new())).collect();
    // The errno of a process that has too many files open, which is the truth.
    let fails = SeccompAction::Errno(rustix::io::Errno::MFILE.raw_os_error().unsigned_abs());
    let opening = SeccompFilter::new(opens, SeccompAction::Allow, fails, arch)?;
    let others = SeccompFilter::new(rules()?, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
    Ok([opening.try_into()?, others.try_into()?])
}

/// The calls that fail, and end nothing.
const OPENS: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    libc::SYS_openat,
];

/// The calls that are allowed with any arguments: memory that is not executable, other threads of this process, time,
/// random numbers, signal handlers, and the end.
const HARMLESS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

/// The calls that the second filter allows, with the rules for their arguments; without a rule, any are allowed.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let own = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let is = |argument, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    let is_not_executable = SeccompCondition::new(
        2,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs())),
        0,
    )?;
    // A mapping of no file has -1 in the place of the descriptor.
    let is_anonymous = is(4, u64::from(u32::MAX))?;
    let written = || Ok(vec![SeccompRule::new(vec![is(0, 1)?])?, SeccompRule::new(vec![is(0, 2)?])?]);
    let aborts = vec![is(0, own)?, is(2, u64::from(libc::SIGABRT.unsigned_abs()))?];
    let calls = HARMLESS.iter().chain(OPENS).map(|call| (*call, Vec::new()));
    Ok(calls
        .chain([
            (libc::SYS_read, vec![SeccompRule::new(vec![is(0, 0)?])?]),
            (libc::SYS_write, written()?),
            (libc::SYS_writev, written()?),
            (libc::SYS_mmap, vec![SeccompRule::new(vec![is_not_executable.clone(), is_anonymous])?]),
            (libc::SYS_mprotect, vec![SeccompRule::new(vec![is_not_executable])?]),
            (libc::SYS_tgkill, vec![SeccompRule::new(aborts)?]),
        ])
        .collect())
}
