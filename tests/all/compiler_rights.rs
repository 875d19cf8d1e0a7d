//! What a compiler in a process of its own may do: nothing but read a plugin and write machine code, for a while.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guardhouse::{Host, HostLimits, LoadError, Plugin};

use crate::compiler::{host_of, process, shell};
use crate::harness::{Guest, fixture, neighbour_is_unharmed, small};

/// What the host writes to a compiler: the length of an order, the order, and the plugin.
struct Dictation {
    order: Vec<u8>,
    plugin: Vec<u8>,
}

fn dictation(limits: HostLimits) -> Dictation {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dictation");
    let host = host_of(shell(&format!("cat > {}", file.display())), limits);
    assert!(matches!(Plugin::load(&host, Guest::new("allow").bytes()), Err(LoadError::CompilerStopped(_))));
    let mut order = fs::read(file).unwrap();
    let length = usize::try_from(u32::from_le_bytes(order[..4].try_into().unwrap())).unwrap();
    let plugin = order.split_off(4 + length);
    assert_eq!(plugin, Guest::new("allow").bytes());
    Dictation { order, plugin }
}

/// A compiler that this test starts itself.
fn start() -> Child {
    let mut command = Command::new(process().program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn proc(child: &Child, name: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join(name)).unwrap_or_default()
}

/// The last of the rights that it gives up.
fn has_given_up_its_rights(child: &Child) -> bool {
    proc(child, "status").lines().any(|line| line == "NoNewPrivs:\t1")
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not {what} after a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_is_bounded_before_it_gets_a_byte_of_the_plugin() {
    let limits = HostLimits { compiler_bytes: 3 << 30, compiler_time: Duration::from_secs(17), ..small() };
    let Dictation { order, plugin } = dictation(limits);
    let mut child = start();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&order).unwrap();
    until("bounded", || has_given_up_its_rights(&child));
    let found = proc(&child, "limits");
    for (name, limit) in [
        ("Max address space", (3_u64 << 30).to_string()),
        ("Max cpu time", "17".to_owned()),
        ("Max core file size", "0".to_owned()),
        ("Max file size", "0".to_owned()),
        ("Max open files", "3".to_owned()),
    ] {
        let line = found.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], [&limit, &limit], "{name}");
    }
    stdin.write_all(&plugin).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"\x7fELF"), "{output:?}");
}

#[test]
fn it_has_no_environment_no_folder_and_no_file_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = format!(
        "cat /proc/$$/environ > {}; readlink /proc/$$/cwd > {}; ls -l /proc/$$/fd > {}",
        file("environment").display(),
        file("folder").display(),
        file("files").display()
    );
    // Open in every way that the host opens files.
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
fn it_ends_with_the_thread_that_started_it() {
    let Dictation { order, .. } = dictation(small());
    // Its standard input stays open: nothing else tells it that nobody wants it any more.
    let started = std::thread::spawn(move || {
        let mut child = start();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&order).unwrap();
        until("bounded", || has_given_up_its_rights(&child));
        // A moment after the one comes the other, and until then it reads.
        until("waiting for the plugin", || {
            proc(&child, "wchan").contains("pipe") || proc(&child, "stat").contains(") S ")
        });
        (child, stdin)
    });
    let (mut child, _stdin) = started.join().unwrap();
    until("gone", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn it_ends_if_nobody_reads_any_more_when_it_begins() {
    let Dictation { order, .. } = dictation(small());
    let mut child = start();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&order).unwrap();
    until("gone", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn it_refuses_an_order_that_is_none() {
    for order in [&b""[..], b"\x01", b"\x02\0\0\0{}", b"\xff\xff\xff\xff{}", b"\0\0\0\0"] {
        let mut child = start();
        child.stdin.take().unwrap().write_all(order).unwrap();
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{order:?}: {words}");
        assert!(!words.is_empty());
    }
}

#[test]
fn too_little_address_space_stops_it_and_enough_does_not() {
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
            neighbour_is_unharmed(&host);
        }
    }
}

#[test]
fn too_much_processor_time_stops_it() {
    let Dictation { order, .. } = dictation(HostLimits { compiler_time: Duration::from_secs(1), ..small() });
    let child = {
        let mut child = start();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&order).unwrap();
        stdin.write_all(&work(2_000, 100)).unwrap();
        child
    };
    // Nobody here looks at a clock.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{output:?}");
}

/// A plugin of some functions of some length, which takes its time to be compiled.
fn work(length: usize, functions: usize) -> Vec<u8> {
    let add = "local.get 0 local.get 1 i64.add local.set 0 local.get 0 local.get 1 i64.mul local.set 1 ";
    let function = format!("(func (param i64 i64) (result i64) {} local.get 0)", add.repeat(length));
    let code = format!("(core module $plugin {}", function.repeat(functions));
    Guest::from_text("work", &fixture("allow").replace("(core module $plugin", &code)).bytes().to_vec()
}
