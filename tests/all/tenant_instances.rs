//! The instances of a pool, shared between tenants: none takes so many that another has none.

use std::num::NonZeroU32;
use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, Decision, Host, HostLimits, Limits, TenantBudget, run_auth_checks,
    run_auth_checks_blocking,
};
use tokio::runtime::{Builder, Runtime};

use crate::admission::is_pending;
use crate::harness::{Guest, at, cause, eventually, fixture, host_with, nobody, of_pool};

const LONG: Duration = Duration::from_secs(60);

/// A host on which no request waits for a processor: one that does has no instance yet.
fn host(instances: u32, queue: usize) -> Host {
    host_with(HostLimits { instances, queue, turns: Some(64), ..HostLimits::default() })
}

/// A check that may use all instances, as far as its tenant may.
fn check(host: &Host, tenant: &str, name: &str) -> Check {
    let all = host.limits().instances;
    Guest::new(name).on_host(host).tenant(tenant).deadline(LONG).limits(|limits| limits.instances = Some(all)).check()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn instances(host: &Host, tenant: &str) -> u64 {
    host.tenant(tenant).usage().instances
}

#[test]
fn a_tenant_takes_a_quarter_of_the_pool_with_all_its_checks() {
    let (host, context) = (host(16, 1_000), nobody());
    let endless = [check(&host, "greedy", "loop"), check(&host, "greedy", "loop")];
    let good = [check(&host, "good", "allow")];
    runtime().block_on(async {
        let mut asked: Vec<_> = endless
            .iter()
            .flat_map(|check| (0..20).map(move |_| check))
            .map(std::slice::from_ref)
            .map(|check| Box::pin(run_auth_checks(check, &context)))
            .collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        assert_eq!(instances(&host, "greedy"), 4);
        assert_eq!(run_auth_checks(&good, &context).await, Decision::Allow);
        // A budget changes the share. It counts for requests that come later.
        let budget = TenantBudget { instances: NonZeroU32::new(6), ..TenantBudget::default() };
        host.tenant("greedy").set_budget(budget).unwrap();
        let mut more: Vec<_> = (0..20).map(|_| Box::pin(run_auth_checks(&endless[..1], &context))).collect();
        asked.clear();
        for request in &mut more {
            assert!(is_pending(request.as_mut()).await);
        }
        assert_eq!(instances(&host, "greedy"), 6);
    });
    assert_eq!(instances(&host, "greedy"), 0);
}

#[test]
fn a_tenant_that_has_none_finds_an_instance_beside_tenants_that_want_all() {
    let (host, context) = (host(16, 1_000), nobody());
    let greedy: Vec<[Check; 1]> = (0..4).map(|number| [check(&host, &format!("greedy {number}"), "loop")]).collect();
    let good = [check(&host, "good", "allow")];
    runtime().block_on(async {
        let mut asked: Vec<_> =
            greedy.iter().flat_map(|check| (0..20).map(|_| Box::pin(run_auth_checks(check, &context)))).collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        let held: Vec<u64> = (0..4).map(|number| instances(&host, &format!("greedy {number}"))).collect();
        assert_eq!(held, [4, 4, 4, 1], "a quarter of the pool is for first instances");
        for _ in 0..10 {
            assert_eq!(run_auth_checks(&good, &context).await, Decision::Allow);
        }
    });
}

#[test]
fn a_full_queue_denies_the_newest_of_the_greedy_tenant_and_serves_the_other() {
    let (host, context) = (host(1, 2), nobody());
    let endless = [check(&host, "greedy", "clock-driven")];
    // Each is a check of its own, so that both wait for the pool.
    let greedy = [(); 2].map(|()| [check(&host, "greedy", "allow")]);
    let good = [check(&host, "good", "allow")];
    let busy_context = at(2);
    runtime().block_on(async {
        let mut busy = Box::pin(run_auth_checks(&endless, &busy_context));
        assert!(is_pending(busy.as_mut()).await);
        let greedy = greedy.each_ref().map(|check| AuthChecks::new(check));
        let [mut first, mut newest] = greedy.each_ref().map(|checks| Box::pin(checks.explain(&context)));
        assert!(is_pending(first.as_mut()).await && is_pending(newest.as_mut()).await);
        // The queue is full. The greedy tenant loses its newest request, and not the one that comes.
        let mut other = Box::pin(run_auth_checks(&good, &context));
        assert!(is_pending(other.as_mut()).await);
        let refused = newest.await;
        assert_eq!(cause(&refused), Some(Cause::QueueFull));
        assert!(!refused.decision.is_allow());
        drop(busy);
        assert_eq!(other.await, Decision::Allow);
        assert!(first.await.decision.is_allow());
    });
}

#[test]
fn a_budget_bounds_the_evaluations_that_wait_for_an_instance() {
    let (host, context) = (host(8, 1_000), nobody());
    let budget = TenantBudget { queue: Some(3), ..TenantBudget::default() };
    host.tenant("greedy").set_budget(budget).unwrap();
    // One check waits for an instance of the pool, the other one for its own share.
    let narrow = |limits: &mut Limits| limits.instances = Some(1);
    let narrow = Guest::new("loop").on_host(&host).tenant("greedy").deadline(LONG).limits(narrow).check();
    let (endless, good) = ([check(&host, "greedy", "loop"), narrow], [check(&host, "good", "allow")]);
    runtime().block_on(async {
        let checks = [AuthChecks::new(&endless[..1]), AuthChecks::new(&endless[1..])];
        let ask = |check: usize| Box::pin(checks[check].explain(&context));
        let mut asked: Vec<_> = [1, 0, 0, 1, 1].into_iter().map(ask).collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        assert_eq!(instances(&host, "greedy"), 2, "the other three wait");
        for check in [0, 1] {
            let refused = ask(check).await;
            assert_eq!(cause(&refused), Some(Cause::QueueFull));
            assert!(refused.checks[0].evaluation.outcome.fault().unwrap().detail.contains("TenantBudget::queue"));
        }
        assert_eq!(run_auth_checks(&good, &context).await, Decision::Allow);
        // One that is dropped no longer counts.
        drop(asked.pop());
        assert!(is_pending(ask(0).as_mut()).await);
    });
    assert_eq!(instances(&host, "greedy"), 0);
}

#[test]
fn checks_without_a_tenant_use_the_whole_pool() {
    let (host, context) = (host(8, 0), nobody());
    let all = |limits: &mut Limits| limits.instances = Some(8);
    let endless = [Guest::new("loop").on_host(&host).deadline(LONG).limits(all).check()];
    let other = [Guest::new("allow").on_host(&host).deadline(LONG).check()];
    runtime().block_on(async {
        let mut asked: Vec<_> = (0..8).map(|_| Box::pin(run_auth_checks(&endless, &context))).collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        let ninth = AuthChecks::new(&other).explain(&context).await;
        assert_eq!(cause(&ninth), Some(Cause::NoCapacity));
    });
}

#[test]
fn standby_instances_that_serve_count_for_their_tenant() {
    let host = host_with(HostLimits { large_instances: 8, turns: Some(64), ..HostLimits::default() });
    let text = of_pool(&fixture("clock-driven"), "large");
    let guest = Guest::from_text("standby", &text).on_host(&host).tenant("acme").standby(4).deadline(LONG);
    let check = [guest.limits(|limits| limits.instances = Some(8)).check()];
    let ready = || instances(&host, "acme") == 4;
    eventually("four standby instances are ready", || {
        let _ = run_auth_checks_blocking(&check, &nobody());
        ready()
    });
    let endless = at(2);
    runtime().block_on(async {
        let mut asked: Vec<_> = (0..8).map(|_| Box::pin(run_auth_checks(&check, &endless))).collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        // A quarter of the pool serves. Those that waited had the standby instances evicted, for others.
        let other =
            [Guest::from_text("other", &of_pool(&fixture("allow"), "large")).on_host(&host).tenant("other").check()];
        assert_eq!(run_auth_checks(&other, &nobody()).await, Decision::Allow);
        eventually("two instances serve", || instances(&host, "acme") == 2);
    });
}
