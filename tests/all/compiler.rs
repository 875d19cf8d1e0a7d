//! Plugins that are compiled in another process: they behave like plugins compiled in the host, and nothing that the
//! compiler process does harms the host.

use std::fs;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthChecks, AuthContext, Check, CheckConfig, CompilerProcess, Host, HostBuilder, HostLimits, ImagePolicy,
    LoadError, Outcome, Plugin, StartMode, builtin, run_auth_checks_blocking,
};
use guardhouse_tests::guest::{assemble, replaced};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::harness::{Guest, builtin_on, eventually, fixture, nobody, patient, settings, small, somebody};

/// The compiler of these tests.
pub(crate) fn process() -> CompilerProcess {
    CompilerProcess::new(env!("CARGO_BIN_EXE_compiler"))
}

/// A shell script in the place of the compiler.
pub(crate) fn shell(script: &str) -> CompilerProcess {
    CompilerProcess::new("/bin/sh").argument("-c").argument(script)
}

pub(crate) fn host_of(compiler: CompilerProcess, limits: HostLimits) -> Host {
    Host::builder().limits(limits).compiler(compiler).build().unwrap()
}

/// The answers of a plugin with their fuel, or the reason why no check can be made of it.
fn answers(host: &Host, bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    let plugin = Plugin::load(host, bytes)?;
    let config = CheckConfig { limits: patient(), ..CheckConfig::default() };
    let check = match Check::new(&plugin, config) {
        Ok(check) => check,
        Err(error) => return Ok(vec![error.to_string()]),
    };
    let answer = |context: &AuthContext| {
        let report = AuthChecks::new(&[&check]).explain_blocking(context).checks.remove(0);
        match report.evaluation.outcome {
            Outcome::Failed(fault) => fault.cause.to_string(),
            outcome => format!("{outcome:?} with {} of fuel", report.evaluation.usage.fuel),
        }
    };
    Ok([nobody(), somebody(&["read"])].iter().map(answer).collect())
}

#[test]
fn a_plugin_compiled_in_another_process_answers_as_one_compiled_in_the_host() {
    let here = Host::builder().limits(small()).build().unwrap();
    let there = host_of(process(), small());
    let fixtures = ["allow", "deny", "token", "unreachable", "division", "recursion", "memory-trap", "start-trap"];
    let mut plugins: Vec<(String, Vec<u8>)> =
        fixtures.iter().map(|name| ((*name).to_owned(), Guest::new(name).bytes().to_vec())).collect();
    plugins.extend(builtin::ALL.iter().map(|found| (found.name.to_owned(), found.bytes.to_vec())));
    let broken = [
        ("a wrong type", "(i32.const 16)", "(i64.const 16)"),
        ("an unknown function", "(i32.const 16)", "(call 99)"),
        ("too much on the stack", "(i32.const 16)", "(i32.const 16) (i32.const 16)"),
        ("an unknown import", "(@items)", "(import \"x\" (func))"),
        ("an export of another type", "(param i32) (result i32)", "(param i64) (result i32)"),
        ("a memory beyond the pool", "(@fields)", "(memory 60000)"),
        ("a table beyond the pool", "(@fields)", "(table 10000000 funcref)"),
    ];
    for (name, from, to) in broken {
        plugins.push((name.to_owned(), assemble(&replaced(&fixture("allow"), from, to)).unwrap()));
    }
    plugins.push(("cut off".to_owned(), Guest::new("allow").bytes()[..200].to_vec()));
    for (name, bytes) in plugins {
        let expected = answers(&here, &bytes);
        println!("{name}: {expected:?}");
        assert_eq!(answers(&there, &bytes), expected, "{name}");
    }
}

#[test]
fn baseline_code_and_images_are_compiled_in_the_other_process_too() {
    let host = Host::builder().limits(small()).compiler(process()).baseline_from(0).build().unwrap();
    let plugin = builtin_on(&host, "require-scopes");
    let config = CheckConfig { image: ImagePolicy::Eager, ..settings(json!({ "scopes": ["read"] })) };
    let check = Check::new(&plugin, config).unwrap();
    assert_eq!(check.start_mode(), StartMode::Image);
    let answers = || {
        for (context, allowed) in [(somebody(&["read"]), true), (somebody(&["write"]), false), (nobody(), false)] {
            assert_eq!(run_auth_checks_blocking(&[&check], &context).is_allow(), allowed);
        }
    };
    eventually("the plugin is optimized", || {
        answers();
        plugin.is_optimized()
    });
    answers();
}

/// The error with which a plugin does not load.
fn load_with(builder: HostBuilder) -> LoadError {
    Plugin::load(&builder.build().unwrap(), Guest::new("allow").bytes()).unwrap_err()
}

/// Asserts that a plugin does not load with another program in the place of the compiler: for the given reason, in time,
/// and without a process that is left.
fn is_stopped(program: CompilerProcess, reason: &str) {
    let limits = HostLimits { compiler_time: Duration::from_secs(2), code_bytes: 1 << 20, ..small() };
    let name = format!("{program:?}");
    let start = Instant::now();
    let error = load_with(Host::builder().limits(limits).compiler(program));
    println!("{name}: {error}");
    let LoadError::CompilerStopped(text) = &error else { panic!("{name}: {error:?}") };
    assert!(text.contains(reason), "{name}: {text}");
    assert!(text.len() < 1_000, "{name}: {} bytes", text.len());
    assert!(start.elapsed() < Duration::from_secs(30), "{name}: {:?}", start.elapsed());
    assert_eq!(children(), [] as [String; 0], "{name}");
}

/// The processes that this process has started and not yet waited for.
fn children() -> Vec<String> {
    let stats =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let own = std::process::id().to_string();
    // `pid (name) state parent …`
    let is_own = |stat: &String| stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)) == Some(&own);
    stats.filter(is_own).collect()
}

/// Returns `true` if `sleep` is running with this argument.
fn is_running(argument: &str) -> bool {
    let running = fs::read_dir("/proc").unwrap();
    let mut lines = running.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines
        .any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()) && line.starts_with(b"sleep"))
}

#[test]
fn a_compiler_that_cannot_be_started_is_a_fault_of_the_host_and_not_of_the_plugin() {
    for (program, reason) in [
        ("/no/such/program", "cannot start the compiler `/no/such/program`"),
        ("/", "cannot start the compiler `/`"),
        ("compiler", "not named by an absolute path"),
        ("", "not named by an absolute path"),
    ] {
        // A large plugin is not tried again with the other compiler.
        for builder in [Host::builder(), Host::builder().baseline_from(0)] {
            let error = load_with(builder.limits(small()).compiler(CompilerProcess::new(program)));
            let LoadError::Host(text) = &error else { panic!("{program}: {error:?}") };
            assert!(text.contains(reason), "{program}: {text}");
        }
    }
    let error =
        load_with(Host::builder().limits(small()).compiler(shell("cat > /dev/null; echo no filter >&2; exit 71")));
    assert_eq!(error, LoadError::Host("the compiler cannot be confined: no filter".to_owned()));
}

#[test]
fn a_program_that_is_not_a_compiler_is_distinguished_from_a_rejected_plugin() {
    for (script, reason) in [
        ("exit 0", "did not produce machine code"),
        ("cat > /dev/null; echo garbage", "did not produce machine code"),
        ("printf '\\177ELF'", "did not produce machine code"),
        ("cat", "did not produce machine code"),
        ("exit 1", "ended with exit status: 1"),
        ("exit 2", "ended with exit status: 2"),
        ("echo 'unexpected argument' >&2; exit 2", "unexpected argument"),
        ("cat > /dev/null; exit 101", "ended with exit status: 101"),
        ("kill -KILL $$", "ended with signal: 9"),
        ("kill -SEGV $$", "ended with signal: 11"),
        ("head -c 10000000 /dev/zero >&2; exit 3", "ended with exit status: 3"),
    ] {
        is_stopped(shell(script), reason);
    }
}

#[test]
fn a_program_that_prints_without_end_is_killed_at_the_cap() {
    for script in [
        "cat /dev/zero",
        "trap '' PIPE; while true; do echo x; done",
        "head -c 1048577 /dev/zero",
        "head -c 1048577 /dev/zero; exec sleep 600",
    ] {
        is_stopped(shell(script), "`HostLimits::code_bytes`");
    }
}

#[test]
fn a_program_that_does_not_end_is_killed_with_all_its_children() {
    // A number that no other process uses.
    let seconds = format!("6{}", std::process::id());
    for script in [
        "exec sleep SECONDS",
        "sleep SECONDS; true",
        "exec sleep SECONDS >&-",
        "exec sleep SECONDS >&- 2>&- <&-",
        "sleep SECONDS & exit 0",
        "sleep SECONDS & sleep SECONDS & wait",
        "trap '' TERM HUP INT PIPE; while true; do sleep SECONDS; done",
    ] {
        is_stopped(shell(&script.replace("SECONDS", &seconds)), "`HostLimits::compiler_time`");
        is_killed(&seconds);
    }
    is_stopped(
        shell(&format!("sleep {seconds} > /dev/null 2>&1 < /dev/null & exit 0")),
        "did not produce machine code",
    );
    is_killed(&seconds);
}

#[test]
fn a_process_that_left_the_group_with_the_streams_is_not_waited_for() {
    // A number that no other process uses.
    let seconds = format!("7{}", std::process::id());
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let leave = format!("setsid sh -c 'echo $$ > {}; exec sleep {seconds}'", id.display());
    let before = unnamed_threads();
    for script in [format!("{leave} & exit 0"), leave.clone(), format!("{leave} >&- & exec sleep 600")] {
        is_stopped(shell(&script), "`HostLimits::compiler_time`");
        assert!(is_running(&seconds), "{script}");
        let id = fs::read_to_string(&id).unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, Signal::KILL).unwrap();
        is_killed(&seconds);
    }
    assert_eq!(unnamed_threads(), before);
}

/// The number of threads of this process, without those that a host names.
fn unnamed_threads() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| !name.starts_with("guardhouse")).count()
}

/// Asserts that `sleep` ends: a killed process is visible for a moment.
fn is_killed(seconds: &str) {
    eventually(&format!("`sleep {seconds}` has ended"), || !is_running(seconds));
}

#[test]
fn a_large_plugin_that_stops_the_baseline_compiler_is_not_compiled_again() {
    let limits = HostLimits { compiler_time: Duration::from_secs(1), ..small() };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!("echo started >> {}; exec sleep 600", log.display());
    let builder = Host::builder().limits(limits).compiler(shell(&script)).baseline_from(0);
    assert!(matches!(load_with(builder), LoadError::CompilerStopped(_)));
    assert_eq!(fs::read_to_string(log).unwrap(), "started\n");
}

#[test]
fn hundreds_of_failures_leave_no_memory_behind() {
    let host = host_of(shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 1"), small());
    let fails = |times: usize| {
        for _ in 0..times {
            assert!(matches!(Plugin::load(&host, Guest::new("allow").bytes()), Err(LoadError::CompilerStopped(_))));
        }
    };
    fails(20);
    let before = private_bytes();
    fails(200);
    let grown = private_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
    assert_eq!(children(), [] as [String; 0]);
    assert!(fs::read_dir("/proc/self/fd").unwrap().count() < 100);
}

/// Bytes of the memory of this process that do not belong to a file.
fn private_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn no_more_compilers_run_at_once_than_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    for compilers in 1..=2_u32 {
        let log = folder.path().join(compilers.to_string());
        let script = format!("echo begin >> {0}; sleep 0.1; echo end >> {0}; exit 1", log.display());
        let host = host_of(shell(&script), HostLimits { compilers, ..small() });
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| assert!(Plugin::load(&host, Guest::new("allow").bytes()).is_err()));
            }
        });
        let (mut running, mut most) = (0, 0);
        for line in fs::read_to_string(&log).unwrap().lines() {
            running = if line == "begin" { running + 1 } else { running - 1 };
            most = most.max(running);
        }
        assert_eq!((running, most), (0, compilers));
    }
}

#[test]
fn a_plugin_that_waits_for_a_compiler_too_long_does_not_load() {
    let folder = tempfile::tempdir().unwrap();
    let (started, go) = (folder.path().join("started"), folder.path().join("go"));
    let script = format!("touch {}; while ! test -e {}; do sleep 0.01; done; exit 1", started.display(), go.display());
    // The second plugin waits, if it may, until its own time is over or the time of the first.
    for (queue, time, reasons) in [
        (
            0,
            Duration::from_secs(60),
            &["no compiler slot is free, and the queue of 0 is full (`HostLimits::compilers`)"][..],
        ),
        (1, Duration::from_secs(1), &["`HostLimits::compilers`", "`HostLimits::compiler_time`"]),
    ] {
        let _ = fs::remove_file(&go);
        let _ = fs::remove_file(&started);
        let limits = HostLimits { compilers: 1, queue, compiler_time: time, ..small() };
        let host = host_of(shell(&script), limits);
        let both = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let first = Plugin::load(&host, Guest::new("allow").bytes());
                assert!(matches!(first, Err(LoadError::CompilerStopped(_))), "{first:?}");
                both.wait();
            });
            eventually("the first compiler is running", || started.exists());
            let second = Plugin::load(&host, Guest::new("token").bytes()).unwrap_err();
            let (LoadError::Busy(text) | LoadError::CompilerStopped(text)) = &second else { panic!("{second}") };
            println!("queue of {queue}: {second}");
            assert!(reasons.iter().any(|reason| text.contains(reason)), "{text}");
            assert_eq!(matches!(second, LoadError::Busy(_)), text.contains("`HostLimits::compilers`"), "{second:?}");
            fs::write(&go, "").unwrap();
            both.wait();
        });
    }
}
