//! A busy machine does not cause a denial: a guest's own work is bounded by processor time, and waiting by a deadline of
//! seconds. These tests use the default limits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guardhouse::{AuthChecks, AuthContext, Cause, Check, CheckConfig, Decision, Host, Limits, Plugin, run_auth_checks};
use guardhouse_tests::guest::{assemble, replaced};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::harness::{cause, fixture, nobody, of_pool};

/// The interval of the ticks of [`Host::new`].
const TICK: Duration = Duration::from_millis(1);

/// A plugin that counts to two million, which takes about two milliseconds, and allows.
fn work(is_large: bool) -> Vec<u8> {
    let count = "(param i32) (result i32) (local $n i32) \
                 (loop $more (local.set $n (i32.add (local.get $n) (i32.const 1))) \
                 (br_if $more (i32.lt_u (local.get $n) (i32.const 2000000))))";
    let text = replaced(&fixture("allow"), "(param i32) (result i32)", count);
    assemble(&of_pool(&text, if is_large { "large" } else { "small" })).unwrap()
}

fn check(host: &Host, is_large: bool, limits: Limits) -> Check {
    let plugin = Plugin::load(host, &work(is_large)).unwrap();
    Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() }).unwrap()
}

/// Runs `work` beside eight threads that compute.
fn beside_busy_loops<T>(work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        done
    })
}

fn thread_clock() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// The decisions of requests that are made at once, on a runtime with a thread for each processor.
fn decide_at_once(check: &Check, requests: usize) -> Vec<Decision> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut decisions = JoinSet::new();
        for _ in 0..requests {
            let check = check.clone();
            decisions.spawn(async move { run_auth_checks(&[check], &nobody()).await });
        }
        decisions.join_all().await
    })
}

fn all_are_allowed(decisions: &[Decision]) {
    let denied = decisions.iter().filter(|decision| !decision.is_allow()).count();
    assert_eq!(denied, 0, "of {}", decisions.len());
}

#[test]
fn an_evaluation_is_charged_at_most_a_tick_more_than_its_thread_has_run() {
    let check = check(&Host::new().unwrap(), false, Limits::default());
    beside_busy_loops(|| {
        for _ in 0..64 {
            let before = thread_clock();
            let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
            let run = thread_clock().saturating_sub(before);
            let charged = report.checks[0].evaluation.usage.cpu_time;
            assert!(report.decision.is_allow(), "{report:?}");
            assert!(charged <= run + TICK, "charged {charged:?}, run {run:?}");
        }
    });
}

#[test]
fn a_plugin_that_computes_longer_than_its_processor_time_is_stopped_on_a_busy_machine_too() {
    let limits = Limits { cpu_time: Some(Duration::from_millis(1)), ..Limits::default() };
    let host = Host::new().unwrap();
    let plugin = Plugin::load(&host, &assemble(&fixture("loop")).unwrap()).unwrap();
    let check = Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() }).unwrap();
    let report = beside_busy_loops(|| AuthChecks::new(&[check]).explain_blocking(&nobody()));
    assert_eq!(cause(&report), Some(Cause::CpuTimeLimit));
}

#[test]
fn three_hundred_requests_at_once_are_allowed() {
    for is_large in [false, true] {
        let check = check(&Host::new().unwrap(), is_large, Limits::default());
        all_are_allowed(&decide_at_once(&check, 300));
    }
}

#[test]
fn thirty_two_requests_beside_eight_busy_loops_are_allowed() {
    for is_large in [false, true] {
        let check = check(&Host::new().unwrap(), is_large, Limits::default());
        all_are_allowed(&beside_busy_loops(|| decide_at_once(&check, 32)));
    }
}

#[test]
fn twenty_callers_that_list_a_hundred_components_see_all_of_them() {
    let check = check(&Host::new().unwrap(), true, Limits::default());
    let components: Vec<AuthContext> = (0..100).map(|_| nobody()).collect();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut lists = JoinSet::new();
        for _ in 0..20 {
            let (check, components) = (check.clone(), components.clone());
            lists.spawn(async move { AuthChecks::new(&[check]).run_batch(&components).await });
        }
        while let Some(list) = lists.join_next().await {
            all_are_allowed(&list.unwrap());
        }
    });
}
