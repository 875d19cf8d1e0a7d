//! Plugins that leave memory because there is a cache to come back from.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use guardhouse::{Cause, Check, CheckConfig, CompilerProcess, Host, HostLimits, Limits, Outcome, blocking};

use crate::cache_folder::{CacheFolder, answers_rightly, serves};
use crate::harness::{host_with, patient, small, somebody};

const PLUGINS: usize = 5;

fn two_programs() -> HostLimits {
    HostLimits { resident_plugins: 2, ..small() }
}

/// Five plugins on a host that keeps two in memory.
fn five(host: &Host) -> Vec<Check> {
    (0..PLUGINS).map(|number| serves(host, number).unwrap()).collect()
}

fn residents(checks: &[Check]) -> Vec<usize> {
    (0..checks.len()).filter(|number| checks[*number].plugin().is_resident()).collect()
}

/// Asks one after the other, each of which comes back and sends another away.
fn all_answer(checks: &[Check]) {
    for _ in 0..2 {
        for (number, check) in checks.iter().enumerate() {
            answers_rightly(check);
            assert!(check.plugin().is_resident());
            assert!(residents(checks).len() <= 2, "{:?} after {number}", residents(checks));
        }
    }
}

#[test]
fn with_a_cache_the_least_recently_used_plugins_leave_and_come_back() {
    let folder = CacheFolder::new();
    let host = folder.host_with(two_programs());
    let checks = five(&host);
    assert_eq!(residents(&checks), [3, 4]);
    all_answer(&checks);
    answers_rightly(&checks[3]);
    answers_rightly(&checks[0]);
    assert_eq!(residents(&checks), [0, 3]);
    answers_rightly(&checks[3]);
    answers_rightly(&checks[1]);
    assert_eq!(residents(&checks), [1, 3], "0 was not used for longer than 3");
}

#[test]
fn without_a_cache_nobody_leaves() {
    let host = host_with(two_programs());
    let checks = five(&host);
    assert_eq!(residents(&checks), [0, 1, 2, 3, 4]);
}

#[test]
fn a_plugin_comes_back_without_being_compiled() {
    let folder = CacheFolder::new();
    five(&folder.host());
    // This host cannot compile, so all that it has is from the folder.
    let nothing = CompilerProcess { program: "/no-such-program".into(), arguments: Vec::new() };
    let host = folder.builder().limits(two_programs()).compiler(nothing).build().unwrap();
    let checks = five(&host);
    all_answer(&checks);

    // And where it cannot come back it denies, and says why to the operator.
    fs::remove_dir_all(folder.path()).unwrap();
    let gone = checks.iter().find(|check| !check.plugin().is_resident()).unwrap();
    let report = blocking::explain_auth_checks(&[gone], &somebody(&[]));
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::Host, "{fault}");
    assert!(fault.detail.contains("cannot start the compiler"), "{fault}");
}

#[test]
fn plugins_come_back_from_a_cache_that_was_removed_or_damaged_meanwhile() {
    type Harm = fn(&CacheFolder);
    let cases: [(&str, Harm); 5] = [
        ("the folder is gone", |folder| fs::remove_dir_all(folder.path()).unwrap()),
        ("the folder is a file", |folder| {
            let moved = folder.path().with_extension("moved");
            if folder.path().is_dir() {
                fs::rename(folder.path(), moved).unwrap();
            }
            fs::write(folder.path(), "").unwrap();
        }),
        ("the files are gone", |folder| folder.all_files().iter().for_each(|path| fs::remove_file(path).unwrap())),
        ("the entries are damaged", |folder| {
            folder.files("entries").iter().for_each(|path| fs::write(path, "damaged").unwrap());
        }),
        ("the files are others", |folder| {
            for path in folder.all_files() {
                fs::remove_file(&path).unwrap();
                fs::write(&path, "another").unwrap();
            }
        }),
    ];
    for (name, harm) in cases {
        let folder = CacheFolder::new();
        let checks = five(&folder.host_with(two_programs()));
        for round in 0..2 {
            println!("{name}, {round}");
            harm(&folder);
            all_answer(&checks);
        }
    }
}

#[test]
fn a_plugin_whose_bytes_were_changed_on_disk_denies_until_it_is_loaded_again() {
    let folder = CacheFolder::new();
    let host = folder.host_with(two_programs());
    let checks = five(&host);
    // Written over in place, code and source alike: what an open file has now is something else.
    folder.files("code").iter().for_each(|path| {
        let length = fs::metadata(path).unwrap().len();
        let gone = checks.iter().all(|check| !check.plugin().is_resident());
        assert!(!gone);
        let source = fs::read(path).unwrap().starts_with(b"\0asm");
        if source {
            fs::write(path, vec![0; usize::try_from(length).unwrap()]).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    });
    let report = blocking::explain_auth_checks(&[&checks[0]], &somebody(&[]));
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::Host, "{fault}");
    assert!(fault.detail.contains("the plugin's file in the cache was changed"), "{fault}");
    assert!(serves(&host, 0).is_ok());
    // The code is there again under the same key, and that is all that the old one wants.
    answers_rightly(&checks[0]);
}

#[test]
fn many_threads_bring_plugins_back_at_the_same_time() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { instances: 16, ..two_programs() });
    let checks = five(&host);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (checks, answered) = (&checks, &answered);
            scope.spawn(move || {
                for round in 0..20 {
                    answers_rightly(&checks[(thread + round) % PLUGINS]);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(answered.into_inner(), 8 * 20);
    all_answer(&checks);
}

#[test]
fn many_threads_that_want_the_same_plugin_back_share_one_return() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { instances: 16, ..two_programs() });
    let checks = five(&host);
    assert!(!checks[0].plugin().is_resident());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| answers_rightly(&checks[0]));
        }
    });
    assert_eq!(residents(&checks), [0, 4]);
}

#[test]
fn a_plugin_that_is_not_back_within_the_deadline_denies() {
    let folder = CacheFolder::new();
    let program = folder.path().with_extension("compiler");
    symlink(env!("CARGO_BIN_EXE_compiler"), &program).unwrap();
    // The compiler looks at no argument.
    let compiler = CompilerProcess { program: program.clone(), arguments: vec!["600".to_owned()] };
    let limits = HostLimits { compiler_time: Duration::from_secs(3), ..two_programs() };
    let host = folder.builder().limits(limits).compiler(compiler).build().unwrap();
    let checks = five(&host);
    assert!(!checks[0].plugin().is_resident());
    let limits = Limits { deadline: Duration::from_millis(50), ..patient() };
    let hasty = Check::new(checks[0].plugin(), CheckConfig { limits, ..CheckConfig::default() }).unwrap();
    answers_rightly(&checks[1]);
    answers_rightly(&checks[2]);
    assert!(!hasty.plugin().is_resident());

    folder.all_files().iter().for_each(|path| fs::remove_file(path).unwrap());
    fs::remove_file(&program).unwrap();
    symlink("/bin/sleep", &program).unwrap();
    let report = blocking::explain_auth_checks(&[&hasty], &somebody(&[]));
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::Deadline, "{fault}");
    assert!(fault.detail.contains("back from disk"), "{fault}");

    fs::remove_file(&program).unwrap();
    symlink(env!("CARGO_BIN_EXE_compiler"), &program).unwrap();
    // Whoever asks meanwhile waits for the one that sleeps.
    let start = Instant::now();
    while !blocking::run_auth_checks(&[&checks[0]], &somebody(&[])).is_allow() {
        assert!(start.elapsed() < Duration::from_secs(60));
    }
    answers_rightly(&checks[0]);
}
