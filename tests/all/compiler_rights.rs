//! The rights of a compiler process: it can only read a plugin and write machine code, within its limits.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use guardhouse::{CompilerProcess, Host, HostLimits, LoadError, Plugin};

use crate::compiler::{host_of, process, shell};
use crate::compiler_bombs::nested_loops;
use crate::harness::{Guest, eventually, neighbor_is_unharmed, small};

/// The exit code of a compiler that has read nothing of the plugin (`EX_OSERR`).
const NOT_READY: i32 = 71;

/// The input of a compiler process.
struct Input {
    /// The length of the order, and the order.
    order: Vec<u8>,
    plugin: Vec<u8>,
}

/// The input that a host with these limits writes.
fn input(limits: HostLimits) -> Input {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    let host = host_of(shell(&format!("cat > {}", file.display())), limits);
    assert!(matches!(Plugin::load(&host, Guest::new("allow").bytes()), Err(LoadError::CompilerStopped(_))));
    let mut order = fs::read(file).unwrap();
    let length = usize::try_from(u32::from_le_bytes(order[..4].try_into().unwrap())).unwrap();
    let plugin = order.split_off(4 + length);
    assert_eq!(plugin, Guest::new("allow").bytes());
    Input { order, plugin }
}

/// Starts a compiler without a host.
fn start() -> Child {
    let mut command = Command::new(process().program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The text of a file in the `/proc` folder of a process.
fn proc(child: &Child, name: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join(name)).unwrap_or_default()
}

/// Waits until a compiler has dropped the last of its rights.
fn wait_for_dropped_rights(child: &Child) {
    eventually("the compiler has dropped its rights", || {
        proc(child, "status").lines().any(|line| line == "Seccomp_filters:\t2")
    });
}

/// Waits until a compiler has ended.
fn wait_for_end(child: &mut Child) {
    eventually("the compiler has ended", || child.try_wait().unwrap().is_some());
}

#[test]
fn a_compiler_is_bounded_before_it_reads_the_plugin() {
    let limits = HostLimits { compiler_bytes: 3 << 30, compiler_time: Duration::from_secs(17), ..small() };
    let Input { order, plugin } = input(limits);
    let mut child = start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&order).unwrap();
    wait_for_dropped_rights(&child);
    let found = proc(&child, "limits");
    for (name, limit) in [
        ("Max address space", (3_u64 << 30).to_string()),
        ("Max cpu time", "17".to_owned()),
        ("Max core file size", "0".to_owned()),
        ("Max file size", "0".to_owned()),
        ("Max open files", "0".to_owned()),
    ] {
        let line = found.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], [&limit, &limit], "{name}");
    }
    stdin.write_all(&plugin).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"\x7fELF"), "{}", output.status);
}

#[test]
fn a_compiler_has_no_environment_no_folder_and_no_file_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = format!(
        "cat /proc/$$/environ > {}; readlink /proc/$$/cwd > {}; ls -l /proc/$$/fd > {}",
        file("environment").display(),
        file("folder").display(),
        file("files").display()
    );
    // Files of the test and of a host with a cache are open.
    let (secret, cache) = (file("secret"), file("cache"));
    fs::write(&secret, "").unwrap();
    let _secret = fs::File::open(&secret).unwrap();
    let _cached =
        Plugin::load(&Host::builder().limits(small()).cache(&cache).build().unwrap(), Guest::new("allow").bytes());
    let own = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    assert!(own.filter(|target| target.starts_with(folder.path())).count() > 1);

    assert!(std::env::vars_os().next().is_some());
    assert!(Plugin::load(&host_of(shell(&script), small()), Guest::new("allow").bytes()).is_err());
    assert_eq!(fs::read_to_string(file("environment")).unwrap(), "");
    assert_eq!(fs::read_to_string(file("folder")).unwrap(), "/\n");
    let files = fs::read_to_string(file("files")).unwrap();
    assert!(files.contains("pipe:") && !files.contains("secret") && !files.contains("cache"), "{files}");
}

#[test]
fn a_compiler_ends_with_the_thread_that_started_it() {
    let Input { order, .. } = input(small());
    // Its standard input stays open, so that only the end of the thread can stop it.
    let started = std::thread::spawn(move || {
        let mut child = start();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&order).unwrap();
        wait_for_dropped_rights(&child);
        // A moment later, the compiler waits for the plugin.
        eventually("the compiler waits for the plugin", || {
            proc(&child, "wchan").contains("pipe") || proc(&child, "stat").contains(") S ")
        });
        (child, stdin)
    });
    let (mut child, _stdin) = started.join().unwrap();
    wait_for_end(&mut child);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn a_compiler_whose_output_is_closed_ends() {
    let Input { order, .. } = input(small());
    let mut child = start();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&order).unwrap();
    wait_for_end(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(NOT_READY));
}

#[test]
fn a_compiler_rejects_an_invalid_order() {
    for order in [&b""[..], b"\x01", b"\x02\0\0\0{}", b"\xff\xff\xff\xff{}", b"\0\0\0\0"] {
        let mut child = start();
        child.stdin.take().unwrap().write_all(order).unwrap();
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(NOT_READY), "{order:?}: {words}");
        assert!(!words.is_empty());
    }
}

#[test]
fn a_compiler_is_stopped_by_too_little_address_space() {
    for (bytes, is_enough) in [(1 << 20, false), (16 << 20, false), (4 << 30, true)] {
        let host = host_of(process(), HostLimits { compiler_bytes: bytes, ..small() });
        match Plugin::load(&host, Guest::new("allow").bytes()) {
            Ok(_) => assert!(is_enough, "{bytes} bytes"),
            Err(LoadError::CompilerStopped(text)) => {
                println!("{bytes} bytes: {text}");
                assert!(!is_enough && text.contains("`HostLimits::compiler_bytes`"), "{bytes} bytes: {text}");
            }
            Err(error) => panic!("{bytes} bytes: {error}"),
        }
        if is_enough {
            neighbor_is_unharmed(&host);
        }
    }
}

#[test]
fn a_compiler_is_stopped_by_too_much_processor_time() {
    let Input { order, .. } = input(HostLimits { compiler_time: Duration::from_secs(1), ..small() });
    // Compiling this takes minutes of processor time.
    let bomb = Guest::with("allow", &[("fields", &nested_loops(1_500, 64).repeat(8))]);
    let mut child = start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&order).unwrap();
    stdin.write_all(bomb.bytes()).unwrap();
    drop(stdin);
    // The kernel stops it: this test has no clock.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{}", output.status);
}

/// A compiler that attempts something while it compiles (`src/bin/hostile-compiler.rs`).
fn hostile_compiler(attempt: &str) -> CompilerProcess {
    CompilerProcess::new(env!("CARGO_BIN_EXE_hostile-compiler")).argument(attempt)
}

/// The error of loading a plugin with a compiler that attempts something.
fn error_of(attempt: &str) -> String {
    match Plugin::load(&host_of(hostile_compiler(attempt), small()), Guest::new("allow").bytes()) {
        Err(LoadError::CompilerStopped(text)) => text,
        other => panic!("{attempt}: {other:?}"),
    }
}

#[test]
fn a_compiler_that_a_plugin_has_taken_over_cannot_open_a_file() {
    for attempt in ["open", "open a file to write"] {
        let error = error_of(attempt);
        println!("{attempt}: {error}");
        assert!(error.contains("attempted\nfailed"), "{attempt}: {error}");
    }
}

#[test]
fn a_compiler_that_a_plugin_has_taken_over_ends_at_a_system_call_that_no_compiler_needs() {
    for attempt in [
        "close a stream",
        "duplicate a stream",
        "read another descriptor",
        "write to the input",
        "write to another descriptor",
        "stat",
        "unlink",
        "socket",
        "pipe",
        "memfd_create",
        "io_uring",
        "execve",
        "fork",
        "fork with clone3",
        "thread",
        "ptrace",
        "read another process",
        "kill",
        "signal a thread of another process",
        "stop itself",
        "set a limit",
        "outlive the host",
        "leave the group",
        "unshare",
        "map executable memory",
        "map a descriptor",
        "make memory executable",
    ] {
        let error = error_of(attempt);
        println!("{attempt}: {error}");
        // SIGSYS
        assert!(error.contains("ended with signal: 31") && error.ends_with(": attempted"), "{attempt}: {error}");
    }
}

#[test]
fn a_compiler_can_get_memory_and_abort() {
    assert!(error_of("map memory").contains("attempted\nsucceeded"));
    assert!(error_of("abort").contains("ended with signal: 6"));
}
