//! Turns on real engines: tenants share the processors, and every turn is given back. What turns guarantee in numbers is
//! proved on a virtual clock, in `host/src/turns/guarantees.rs`.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, Decision, Host, HostLimits, TenantBudget, run_auth_checks, run_auth_checks_blocking,
};
use tokio::runtime::{Builder, Runtime};

use crate::admission::is_pending;
use crate::harness::{Guest, cause, eventually, nobody, small};

/// So long that guests which give way before it do so because they must.
const LONG_TICK: Duration = Duration::from_millis(100);

fn host(tick: Duration, limits: HostLimits) -> Host {
    Host::builder().tick(tick).limits(HostLimits { turns: Some(1), ..limits }).build().unwrap()
}

fn check(host: &Host, tenant: &str, name: &str) -> Check {
    Guest::new(name).on_host(host).tenant(tenant).deadline(Duration::from_secs(60)).check()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// The turns that are free, and the evaluations that wait.
fn free_and_waiting(host: &Host) -> (u32, u32) {
    let usage = host.turn_usage();
    (usage.free, usage.waiting)
}

/// Runs `work` while the endless loop of a tenant runs on another thread.
fn beside_a_loop<T>(host: &Host, tenant: &str, work: impl FnOnce() -> T) -> T {
    let endless = Guest::new("loop").on_host(host).tenant(tenant).deadline(Duration::from_secs(600)).check();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            runtime().block_on(async {
                let checks = [&endless];
                let context = nobody();
                let mut running = pin!(run_auth_checks(&checks, &context));
                while !is_over.load(Ordering::Relaxed) {
                    assert!(is_pending(running.as_mut()).await);
                    std::thread::yield_now();
                }
            });
        });
        let _over = Over(&is_over);
        eventually("the loop runs", || free_and_waiting(host).0 == 0);
        work()
    })
}

/// Ends the loop, also if the work beside it panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_neighbor_gets_its_turn_before_the_tick_of_an_endless_loop() {
    let host = host(LONG_TICK, small());
    let good = check(&host, "good", "allow");
    beside_a_loop(&host, "greedy", || {
        // Rarely, a tick comes first.
        eventually("the loop gave way before its tick", || {
            assert_eq!(run_auth_checks_blocking(&[&good], &nobody()), Decision::Allow);
            host.turn_usage().preempted > 0
        });
    });
    assert_eq!(free_and_waiting(&host), (1, 0));
}

#[test]
fn a_neighbor_takes_the_turn_that_an_endless_loop_kept_at_a_tick() {
    let host = host(Duration::from_millis(1), small());
    let (greedy, good) = (check(&host, "greedy", "loop"), check(&host, "good", "allow"));
    runtime().block_on(async {
        let (context, greedy, good) = (nobody(), [greedy], [good]);
        let mut running = pin!(run_auth_checks(&greedy, &context));
        // It runs until a tick, and keeps its turn: nobody waits.
        assert!(is_pending(running.as_mut()).await);
        assert_eq!(free_and_waiting(&host), (0, 0));
        // The loop is not polled meanwhile.
        assert!(run_auth_checks(&good, &context).await.is_allow());
        assert_eq!(host.turn_usage().waited, 0);
        assert!(is_pending(running.as_mut()).await);
    });
    assert_eq!(free_and_waiting(&host), (1, 0));
}

#[test]
fn a_turn_that_a_blocked_thread_does_not_take_passes_on() {
    let host = host(Duration::from_millis(1), small());
    let checks = [check(&host, "late", "loop"), check(&host, "late", "allow"), check(&host, "blocked", "loop")];
    let [late_loop, late, blocked] = checks.map(|check| [check]);
    host.tenant("late").set_weight(1).unwrap();
    runtime().block_on(async {
        let context = nobody();
        {
            // The tenant has used much by its weight, and comes later.
            let mut running = pin!(run_auth_checks(&late_loop, &context));
            for _ in 0..3 {
                assert!(is_pending(running.as_mut()).await);
            }
        }
        let mut running = pin!(run_auth_checks(&blocked, &context));
        assert!(is_pending(running.as_mut()).await);
        // The loop keeps its turn, and this thread does not poll it.
        assert_eq!(run_auth_checks_blocking(&late, &nobody()), Decision::Allow);
        assert_eq!(host.turn_usage().lapsed, 1);
        // It goes on all the same.
        assert!(is_pending(running.as_mut()).await);
    });
    assert_eq!(free_and_waiting(&host), (1, 0));
}

#[test]
fn an_evaluation_dropped_after_any_number_of_polls_gives_back_everything() {
    for name in ["loop", "allow"] {
        for is_held in [false, true] {
            let host = host(Duration::from_micros(100), small());
            let (dropped, other) = (check(&host, "dropped", name), check(&host, "other", "loop"));
            for polls in 0..8 {
                runtime().block_on(async {
                    let (context, dropped, other) = (nobody(), [&dropped], [&other]);
                    let mut held = pin!(run_auth_checks(&other, &context));
                    if is_held {
                        assert!(is_pending(held.as_mut()).await);
                    }
                    let mut running = pin!(run_auth_checks(&dropped, &context));
                    for _ in 0..polls {
                        if !is_pending(running.as_mut()).await {
                            break;
                        }
                        if is_held {
                            assert!(is_pending(held.as_mut()).await);
                        }
                    }
                });
                assert_eq!(free_and_waiting(&host), (1, 0), "`{name}` after {polls} polls");
                assert!(host.tenant_usage().iter().all(|usage| (usage.instances, usage.memory_bytes) == (0, 0)));
            }
        }
    }
}

/// The cause of a failure of a check of this tenant beside an endless loop of the tenant `greedy`.
fn cause_beside_a_loop(limits: HostLimits, tenant: &str) -> Cause {
    cause_on(&host(LONG_TICK, limits), tenant)
}

fn cause_on(host: &Host, tenant: &str) -> Cause {
    let check = check(host, tenant, "allow");
    beside_a_loop(host, "greedy", || {
        let mut found = None;
        // Rarely, the loop meets its tick at this moment, and the check is served.
        eventually("the check fails", || {
            let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
            found = cause(&report);
            found.is_some()
        });
        found.unwrap()
    })
}

#[test]
fn an_evaluation_too_many_fails_at_once_with_its_own_cause() {
    assert_eq!(cause_beside_a_loop(HostLimits { tenant_queue: 0, ..small() }, "good"), Cause::QueueFull);
    assert_eq!(cause_beside_a_loop(HostLimits { turn_queue: 0, ..small() }, "good"), Cause::QueueFull);
}

#[test]
fn an_evaluation_that_waits_too_long_fails_with_its_own_cause() {
    let limits = HostLimits { queue_time: Some(Duration::from_millis(1)), ..small() };
    // Evaluations of one tenant do not interrupt each other.
    assert_eq!(cause_beside_a_loop(limits, "greedy"), Cause::QueuedTooLong);
}

#[test]
fn a_budget_bounds_the_evaluations_that_wait_and_for_how_long() {
    let budget = |queue, queue_time| TenantBudget { queue, queue_time, ..TenantBudget::default() };
    let short = Some(Duration::from_millis(1));
    // Evaluations of one tenant do not interrupt each other.
    for (tenant_queue, budget, expected) in [
        (64, budget(Some(0), None), Cause::QueueFull),
        (0, budget(Some(1), short), Cause::QueuedTooLong),
        (64, budget(None, short), Cause::QueuedTooLong),
    ] {
        let host = host(LONG_TICK, HostLimits { tenant_queue, queue_time: None, ..small() });
        host.tenant("greedy").set_budget(budget.clone()).unwrap();
        assert_eq!(cause_on(&host, "greedy"), expected, "{budget:?}");
    }
}

#[test]
fn work_waits_for_its_turn_also_if_the_time_in_the_queue_has_no_end() {
    let host = host(LONG_TICK, small());
    let (endless, tenant) = (check(&host, "other", "loop"), host.tenant("acme"));
    let budget = TenantBudget { queue_time: Some(Duration::MAX), ..TenantBudget::default() };
    tenant.set_budget(budget).unwrap();
    runtime().block_on(async {
        let (context, endless) = (nobody(), [&endless]);
        let mut running = pin!(run_auth_checks(&endless, &context));
        assert!(is_pending(running.as_mut()).await);
        // It comes after the loop.
        tenant.charge(Duration::from_secs(60));
        let mut work = pin!(host.in_turn(Some(&tenant), || ()));
        for _ in 0..2 {
            assert!(is_pending(work.as_mut()).await);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
}

#[test]
fn the_time_in_the_queue_counts_from_the_wait_for_an_instance() {
    let limits = HostLimits { queue_time: Some(Duration::from_millis(1)), instances: 1, ..small() };
    let host = Host::builder().limits(limits).build().unwrap();
    let (greedy, good) = (check(&host, "greedy", "loop"), check(&host, "good", "allow"));
    runtime().block_on(async {
        let (context, greedy) = (nobody(), [greedy]);
        let mut running = pin!(run_auth_checks(&greedy, &context));
        assert!(is_pending(running.as_mut()).await);
        let report = AuthChecks::new(&[good]).explain(&context).await;
        assert_eq!(cause(&report), Some(Cause::QueuedTooLong));
    });
}

#[test]
fn a_host_without_named_tenants_does_not_count_turns() {
    let host = Host::builder().limits(small()).build().unwrap();
    let check = Guest::new("loop").on_host(&host).check();
    runtime().block_on(async {
        let (context, checks) = (nobody(), [check]);
        let mut running = pin!(run_auth_checks(&checks, &context));
        assert!(is_pending(running.as_mut()).await);
        let usage = host.turn_usage();
        assert_eq!((usage.free, usage.waiting), (usage.turns, 0));
        // From now on the processors are shared.
        let _tenant = host.tenant("acme");
        assert!(is_pending(running.as_mut()).await);
        assert!(is_pending(running.as_mut()).await);
        assert_eq!(host.turn_usage().free, usage.turns - 1);
    });
}

#[test]
fn a_weight_is_bounded_and_that_of_the_tenant_and_not_of_the_handle() {
    let host = Host::builder().limits(small()).build().unwrap();
    let (tenant, same) = (host.tenant("acme"), host.tenant("acme"));
    assert_eq!(tenant.weight(), 16);
    for (set, weight) in [(0, 1), (1, 1), (1_000, 1_000), (u32::MAX, 1_000)] {
        tenant.set_weight(set).unwrap();
        assert_eq!(same.weight(), weight);
    }
    assert_eq!(host.tenant("other").weight(), 16);
}
