//! A storm of faults: ten thousand evaluations that fail in every way, between good ones, on sixteen threads. Afterwards
//! the process has no more resources than before.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use guardhouse::{AuthChecks, Cause, Check, Decision, Host, HostLimits, Limits, Outcome, run_auth_checks_blocking};
use guardhouse_tests::guest;

use crate::harness::{Guest, host_with, nobody, small, somebody};
use crate::isolated::survives;

const THREADS: usize = 16;
const ROUNDS: usize = 42;

#[test]
fn ten_thousand_faults_leak_nothing() {
    survives("storm::faults");
}

/// The resources of a process that can leak.
#[derive(Debug, PartialEq, Eq)]
struct Resources {
    maps: usize,
    files: usize,
    threads: usize,
    children: usize,
}

impl Resources {
    fn now() -> Self {
        let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        Self {
            maps: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            files: fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            children: children.split_whitespace().count(),
        }
    }
}

/// Bytes of the memory of this process that do not belong to a file.
fn anonymous_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() << 10
}

/// Checks that fail in every way, each with its cause.
fn faulty(host: &Host) -> Vec<(Check, Cause)> {
    let check = |guest: Guest, change: &dyn Fn(&mut Limits)| guest.on_host(host).limits(change).check();
    let plain = |name: &str| check(Guest::new(name), &|_| {});
    let flood = |name| check(Guest::with(name, &[("length", "1000")]), &|_| {});
    let few = |limits: &mut Limits| limits.memory_bytes = 2 << 20;
    vec![
        (plain("unreachable"), Cause::Trap),
        (plain("division"), Cause::Trap),
        (plain("stderr-then-trap"), Cause::Trap),
        (plain("recursion"), Cause::StackOverflow),
        (plain("table-trap"), Cause::TableLimit),
        (plain("handle-flood"), Cause::HandleLimit),
        (flood("log-flood"), Cause::LogLimit),
        (flood("stdout-flood"), Cause::LogLimit),
        (check(Guest::new("exit"), &|_| {}), Cause::Exit),
        (check(Guest::new("memory-trap"), &few), Cause::MemoryLimit),
        (check(Guest::new("loop"), &|limits| limits.fuel = Some(100_000)), Cause::OutOfFuel),
        (check(Guest::new("loop"), &|limits| limits.deadline = Duration::from_millis(3)), Cause::Deadline),
        (check(Guest::with("long-message", &[("length", "70000")]), &|_| {}), Cause::MessageLimit),
        (check(Guest::from_bytes("invalid text", guest::denies_with(&[0xff]).unwrap()), &|_| {}), Cause::InvalidResult),
        (check(Guest::new("allow"), &|limits| limits.context_bytes = 1), Cause::ContextLimit),
    ]
}

/// Evaluates all checks once a round on each thread, with good checks between them. Counts the faults by their causes.
fn storm(faulty: &[(Check, Cause)], good: &Check, rounds: usize) -> BTreeMap<&'static str, usize> {
    let (allowed, denied) = (somebody(&[]), nobody());
    let work = || {
        let mut faults: BTreeMap<&'static str, usize> = BTreeMap::new();
        for _ in 0..rounds {
            for (check, cause) in faulty {
                let report = AuthChecks::new(&[check]).explain_blocking(&denied);
                let Outcome::Failed(fault) = &report.checks[0].evaluation.outcome else { panic!("{report:?}") };
                assert!(!report.decision.is_allow());
                // With sixteen threads on few processors, a short deadline may pass before the check is admitted.
                let is_right = fault.cause == *cause || *cause == Cause::Deadline && fault.cause == Cause::NoCapacity;
                assert!(is_right, "{} and not {cause}", fault);
                *faults.entry(fault.cause.as_str()).or_default() += 1;
                assert_eq!(run_auth_checks_blocking(&[good], &allowed), Decision::Allow);
                assert!(!run_auth_checks_blocking(&[good], &denied).is_allow());
            }
        }
        faults
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let mut all: BTreeMap<&'static str, usize> = BTreeMap::new();
        for thread in threads {
            for (cause, count) in thread.join().unwrap() {
                *all.entry(cause).or_default() += count;
            }
        }
        all
    })
}

/// Less than a kilobyte for each of ten thousand faults.
const LEAK_BYTES: usize = 8 << 20;

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn faults() {
    let host = host_with(HostLimits { instances: 32, ..small() });
    let faulty = faulty(&host);
    let good = Guest::new("token").on_host(&host).check();
    // Creates everything that is created on demand, and uses every slot of the pool.
    storm(&faulty, &good, 4);
    // What the allocator keeps for its threads grows once, and a leak each time.
    let mut grown = Vec::new();
    while grown.len() < 3 && grown.last().is_none_or(|bytes| *bytes >= LEAK_BYTES) {
        let (before, memory_before) = (Resources::now(), anonymous_bytes());
        let faults = storm(&faulty, &good, ROUNDS);
        let (after, memory_after) = (Resources::now(), anonymous_bytes());
        println!("{faults:?}\n{before:?} {memory_before} bytes\n{after:?} {memory_after} bytes");
        assert!(faults.values().sum::<usize>() >= 10_000, "{faults:?}");
        assert_eq!(after, before);
        grown.push(memory_after.saturating_sub(memory_before));
    }
    assert!(grown.last().is_some_and(|bytes| *bytes < LEAK_BYTES), "grown by {grown:?} bytes");
    assert!(host.tenant_usage().iter().all(|usage| usage.instances == 0 && usage.memory_bytes == 0));
}
