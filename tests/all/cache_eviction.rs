//! Eviction of plugins from memory: with a cache, they are reloaded from it when they are used again.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, CheckConfig, CompilerProcess, Fault, Host, HostLimits, Limits, Outcome,
    run_auth_checks_blocking,
};

use crate::cache_folder::{CacheFolder, answers_correctly, serves};
use crate::harness::{eventually, host_with, patient, small, somebody};

const PLUGINS: usize = 5;

fn two_resident() -> HostLimits {
    HostLimits { resident_plugins: 2, ..small() }
}

/// Checks of five plugins.
fn five(host: &Host) -> Vec<Check> {
    (0..PLUGINS).map(|number| serves(host, number).unwrap()).collect()
}

fn residents(checks: &[Check]) -> Vec<usize> {
    (0..checks.len()).filter(|number| checks[*number].plugin().is_resident()).collect()
}

/// The fault of a check, which must fail.
fn fault(check: &Check) -> Fault {
    let report = AuthChecks::new(&[check]).explain_blocking(&somebody(&[]));
    let Outcome::Failed(fault) = &report.checks[0].evaluation.outcome else { panic!("{report:?}") };
    fault.clone()
}

/// Evaluates the checks in turn: each reloads its plugin, for which another is evicted.
fn all_answer(checks: &[Check]) {
    for _ in 0..2 {
        for (number, check) in checks.iter().enumerate() {
            answers_correctly(check);
            assert!(check.plugin().is_resident());
            assert!(residents(checks).len() <= 2, "{:?} after {number}", residents(checks));
        }
    }
}

#[test]
fn with_a_cache_the_least_recently_used_plugin_is_evicted_and_reloaded() {
    let folder = CacheFolder::new();
    let host = folder.host_with(two_resident());
    let checks = five(&host);
    assert_eq!(residents(&checks), [3, 4]);
    all_answer(&checks);
    answers_correctly(&checks[3]);
    answers_correctly(&checks[0]);
    assert_eq!(residents(&checks), [0, 3]);
    answers_correctly(&checks[3]);
    answers_correctly(&checks[1]);
    assert_eq!(residents(&checks), [1, 3], "0 was used less recently than 3");
}

#[test]
fn without_a_cache_no_plugin_is_evicted() {
    let host = host_with(two_resident());
    let checks = five(&host);
    assert_eq!(residents(&checks), [0, 1, 2, 3, 4]);
}

#[test]
fn a_plugin_is_reloaded_without_being_compiled() {
    let folder = CacheFolder::new();
    five(&folder.host());
    // This host cannot compile, so all of its code comes from the folder.
    let nothing = CompilerProcess::new("/no-such-program");
    let host = folder.builder().limits(two_resident()).compiler(nothing).build().unwrap();
    let checks = five(&host);
    all_answer(&checks);

    // A plugin that cannot be reloaded denies, and the operator learns the reason.
    fs::remove_dir_all(folder.path()).unwrap();
    let fault = fault(checks.iter().find(|check| !check.plugin().is_resident()).unwrap());
    assert_eq!(fault.cause, Cause::Host, "{fault}");
    assert!(fault.detail.contains("cannot start the compiler"), "{fault}");
}

#[test]
fn plugins_are_reloaded_though_their_cache_was_removed_or_damaged() {
    type Harm = fn(&CacheFolder);
    let cases: [(&str, Harm); 5] = [
        ("the folder is removed", |folder| fs::remove_dir_all(folder.path()).unwrap()),
        ("the folder is a file", |folder| {
            let moved = folder.path().with_extension("moved");
            if folder.path().is_dir() {
                fs::rename(folder.path(), moved).unwrap();
            }
            fs::write(folder.path(), "").unwrap();
        }),
        ("the files are removed", |folder| folder.all_files().iter().for_each(|path| fs::remove_file(path).unwrap())),
        ("the entries are damaged", |folder| {
            folder.files("entries").iter().for_each(|path| fs::write(path, "damaged").unwrap());
        }),
        ("the files are replaced", |folder| {
            for path in folder.all_files() {
                fs::remove_file(&path).unwrap();
                fs::write(&path, "another").unwrap();
            }
        }),
    ];
    for (name, harm) in cases {
        let folder = CacheFolder::new();
        let checks = five(&folder.host_with(two_resident()));
        for round in 0..2 {
            println!("{name}, {round}");
            harm(&folder);
            all_answer(&checks);
        }
    }
}

#[test]
fn a_plugin_whose_bytes_were_changed_on_disk_fails_until_it_is_loaded_again() {
    let folder = CacheFolder::new();
    let host = folder.host_with(two_resident());
    let checks = five(&host);
    // The bytes of plugins are overwritten in place, so that files that are open have other contents.
    folder.files("code").iter().for_each(|path| {
        let bytes = fs::read(path).unwrap();
        if bytes.starts_with(b"\0asm") {
            fs::write(path, vec![0; bytes.len()]).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    });
    let fault = fault(&checks[0]);
    assert_eq!(fault.cause, Cause::Host, "{fault}");
    assert!(fault.detail.contains("the plugin's file in the cache was changed"), "{fault}");
    assert!(serves(&host, 0).is_ok());
    // The old plugin finds the new code, which has the same key, as soon as its failure is forgotten.
    let evaluate = || AuthChecks::new(&[&checks[0]]).explain_blocking(&somebody(&[]));
    eventually("the failure is forgotten", || evaluate().decision.is_allow());
    answers_correctly(&checks[0]);
}

#[test]
fn many_threads_can_reload_plugins_at_the_same_time() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { instances: 16, ..two_resident() });
    let checks = five(&host);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (checks, answered) = (&checks, &answered);
            scope.spawn(move || {
                for round in 0..20 {
                    answers_correctly(&checks[(thread + round) % PLUGINS]);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(answered.into_inner(), 8 * 20);
    all_answer(&checks);
}

#[test]
fn many_threads_that_reload_the_same_plugin_load_it_once() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { instances: 16, ..two_resident() });
    let checks = five(&host);
    assert!(!checks[0].plugin().is_resident());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| answers_correctly(&checks[0]));
        }
    });
    assert_eq!(residents(&checks), [0, 4]);
}

#[test]
fn a_plugin_that_is_not_reloaded_within_the_deadline_fails() {
    let folder = CacheFolder::new();
    let program = folder.path().with_extension("compiler");
    symlink(env!("CARGO_BIN_EXE_compiler"), &program).unwrap();
    // The compiler ignores its arguments, and `sleep` does not.
    let compiler = CompilerProcess::new(program.clone()).argument("600");
    let limits = HostLimits { compiler_time: Duration::from_secs(3), ..two_resident() };
    let host = folder.builder().limits(limits).compiler(compiler).build().unwrap();
    let checks = five(&host);
    assert!(!checks[0].plugin().is_resident());
    let limits = Limits { deadline: Duration::from_millis(50), ..patient() };
    let hasty = Check::new(checks[0].plugin(), CheckConfig { limits, ..CheckConfig::default() }).unwrap();
    answers_correctly(&checks[1]);
    answers_correctly(&checks[2]);
    assert!(!hasty.plugin().is_resident());

    folder.all_files().iter().for_each(|path| fs::remove_file(path).unwrap());
    fs::remove_file(&program).unwrap();
    symlink("/bin/sleep", &program).unwrap();
    let fault = fault(&hasty);
    assert_eq!(fault.cause, Cause::Deadline, "{fault}");
    assert!(fault.detail.contains("reloading its code"), "{fault}");

    fs::remove_file(&program).unwrap();
    symlink(env!("CARGO_BIN_EXE_compiler"), &program).unwrap();
    // Until the sleeping compiler is stopped, further requests wait for it.
    eventually("the plugin is reloaded", || run_auth_checks_blocking(&[&checks[0]], &somebody(&[])).is_allow());
    answers_correctly(&checks[0]);
}
