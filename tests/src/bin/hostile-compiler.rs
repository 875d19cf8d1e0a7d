//! A compiler process that attempts a forbidden act in the middle of its work: `hostile-compiler NAME`. It stands for a
//! compiler that a plugin has taken over. It writes a mark to its standard error before the attempt, and another one
//! after it, if it is still there.

#![expect(unsafe_code, reason = "only the system calls themselves have all the arguments of an attack")]

use std::ffi::c_long;
use std::io::{Write as _, stderr};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use guardhouse::CompilerProcess;

static ATTEMPT: OnceLock<Attempt> = OnceLock::new();

/// The attempt, and the id of the parent, which cannot be asked for later.
struct Attempt {
    name: String,
    parent: u32,
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let attempt = Attempt { name, parent: std::os::unix::process::parent_id() };
    if ATTEMPT.set(attempt).is_ok() && log::set_logger(&HostileCompiler).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    CompilerProcess::serve()
}

/// The compiler logs while it compiles, on each of its threads.
struct HostileCompiler;

impl log::Log for HostileCompiler {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        static DONE: AtomicBool = AtomicBool::new(false);
        // This is logged only once a function of the plugin is compiled.
        if record.target().starts_with("cranelift_codegen::machinst") && !DONE.swap(true, Ordering::SeqCst) {
            say("attempted");
            let result = ATTEMPT.get().map_or(0, Attempt::make);
            say(if result < 0 { "failed" } else { "succeeded" });
            std::process::exit(3);
        }
    }

    fn flush(&self) {}
}

fn say(word: &str) {
    let _ = stderr().write_all(format!("{word}\n").as_bytes());
}

impl Attempt {
    /// Makes one system call. Its result is negative if it failed.
    fn make(&self) -> c_long {
        let path = c"/proc/self/status".as_ptr();
        let (own, parent) = (std::process::id(), self.parent);
        // SAFETY: no call is given memory that it could write to.
        unsafe {
            match self.name.as_str() {
                "open" => libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY),
                "open a file to write" => libc::syscall(
                    libc::SYS_openat,
                    libc::AT_FDCWD,
                    c"/tmp".as_ptr(),
                    libc::O_TMPFILE | libc::O_RDWR,
                    0o600,
                ),
                "close a stream" => libc::syscall(libc::SYS_close, 0),
                "duplicate a stream" => libc::syscall(libc::SYS_dup, 1),
                "read another descriptor" => libc::syscall(libc::SYS_read, 7, 0, 0),
                "write to the input" => libc::syscall(libc::SYS_write, 0, path, 1),
                "write to another descriptor" => libc::syscall(libc::SYS_write, 7, path, 1),
                "stat" => libc::syscall(libc::SYS_statx, libc::AT_FDCWD, path, 0, 0, 0),
                "unlink" => libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, c"/nothing".as_ptr(), 0),
                "socket" => libc::syscall(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0),
                "pipe" => libc::syscall(libc::SYS_pipe2, 0, 0),
                "memfd_create" => libc::syscall(libc::SYS_memfd_create, path, 0),
                "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, 0),
                "execve" => libc::syscall(libc::SYS_execve, c"/bin/true".as_ptr(), 0, 0),
                "fork" => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0),
                "fork with clone3" => libc::syscall(libc::SYS_clone3, 0, 0),
                "thread" => {
                    libc::syscall(libc::SYS_clone, libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND, 0)
                }
                "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_ATTACH, parent, 0, 0),
                "read another process" => libc::syscall(libc::SYS_process_vm_readv, parent, 0, 0, 0, 0, 0),
                "kill" => libc::syscall(libc::SYS_kill, parent, 0),
                "signal a thread of another process" => libc::syscall(libc::SYS_tgkill, parent, parent, libc::SIGABRT),
                "stop itself" => libc::syscall(libc::SYS_tgkill, own, own, libc::SIGSTOP),
                "set a limit" => libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_NOFILE, 0, 0),
                "outlive the host" => libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, 0, 0, 0, 0),
                "leave the group" => libc::syscall(libc::SYS_setsid),
                "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
                "map executable memory" => libc::syscall(
                    libc::SYS_mmap,
                    0,
                    4096,
                    libc::PROT_READ | libc::PROT_EXEC,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                ),
                "map a descriptor" => libc::syscall(libc::SYS_mmap, 0, 4096, libc::PROT_READ, libc::MAP_PRIVATE, 0, 0),
                "make memory executable" => {
                    libc::syscall(libc::SYS_mprotect, 0, 4096, libc::PROT_READ | libc::PROT_EXEC)
                }
                // A compiler needs this.
                "map memory" => libc::syscall(
                    libc::SYS_mmap,
                    0,
                    4096,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                ),
                "abort" => std::process::abort(),
                _ => 0,
            }
        }
    }
}
