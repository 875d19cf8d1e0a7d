//! Admission of instances: bounded, with a bounded queue, and every permit is returned after any outcome (rule S4).

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use guardhouse::{
    AuthChecks, AuthContext, Cause, Check, ConfigError, Decision, Host, HostLimits, run_auth_checks,
    run_auth_checks_blocking,
};
use guardhouse_tests::events;
use tokio::runtime::{Builder, Runtime};

use crate::harness::{Guest, cause, failed, host_with, neighbor_is_unharmed, nobody, small, somebody};

const PATIENT: Duration = Duration::from_secs(10);

fn check_on(host: &Host, name: &str, deadline: Duration) -> Check {
    Guest::new(name).on_host(host).deadline(deadline).check()
}

/// A check that never answers.
fn endless_on(host: &Host) -> Check {
    check_on(host, "loop", Duration::from_secs(60))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Runs `work` while an endless loop holds one permit of `host`.
fn while_full<T>(host: &Host, work: impl FnOnce() -> T) -> T {
    while_asked(&endless_on(host), &nobody(), work)
}

/// Runs `work` while a check is evaluated for a request that it never answers.
pub(crate) fn while_asked<T>(check: &Check, context: &AuthContext, work: impl FnOnce() -> T) -> T {
    let checks = [check];
    runtime().block_on(async {
        let mut busy = pin!(run_auth_checks(&checks, context));
        // The first poll takes the permit. Then the loop yields, and keeps the permit until it is dropped.
        assert!(is_pending(busy.as_mut()).await);
        work()
    })
}

/// Polls a future once.
pub(crate) async fn is_pending(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[test]
fn a_full_host_without_a_queue_has_no_capacity() {
    let host = host_with(HostLimits { instances: 1, queue: 0, ..small() });
    let check = check_on(&host, "allow", PATIENT);
    let (report, events) =
        while_full(&host, || events::capture(|| AuthChecks::new(&[&check]).explain_blocking(&nobody())));
    let fault = failed(&report, &events);
    println!("full host without a queue: {fault}");
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert_eq!(run_auth_checks_blocking(&[check], &nobody()), Decision::Allow);
    neighbor_is_unharmed(&host);
}

#[test]
fn a_request_waits_for_a_full_host_until_its_deadline() {
    let host = host_with(HostLimits { instances: 1, queue: 1, ..small() });
    let check = check_on(&host, "allow", Duration::from_millis(50));
    let (report, events) =
        while_full(&host, || events::capture(|| AuthChecks::new(&[&check]).explain_blocking(&nobody())));
    let fault = failed(&report, &events);
    println!("full host with a queue of one: {fault}");
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert!(fault.detail.contains("within the deadline"), "{fault}");
    neighbor_is_unharmed(&host);
}

#[test]
fn a_full_queue_rejects_the_next_request_immediately() {
    let host = host_with(HostLimits { instances: 1, queue: 1, ..small() });
    let [waits, rejected] = [(); 2].map(|()| [check_on(&host, "allow", PATIENT)]);
    let (busy, context) = ([endless_on(&host)], nobody());
    // The first request is being evaluated, the second waits, and the third is rejected. The neighbor is asked after
    // the first two are dropped.
    let report = runtime().block_on(async {
        let mut busy = pin!(run_auth_checks(&busy, &context));
        let mut waiting = pin!(run_auth_checks(&waits, &context));
        assert!(is_pending(busy.as_mut()).await);
        assert!(is_pending(waiting.as_mut()).await);
        AuthChecks::new(&rejected).explain(&context).await
    });
    assert_eq!(cause(&report), Some(Cause::NoCapacity));
    let outcome = format!("{:?}", report.checks[0].evaluation.outcome);
    assert!(outcome.contains("the queue of 1 is full"), "{outcome}");
    neighbor_is_unharmed(&host);
}

#[test]
fn a_waiting_request_is_served_when_a_permit_is_returned() {
    let host = host_with(HostLimits { instances: 1, ..small() });
    let waits = [check_on(&host, "allow", PATIENT)];
    let busy = [check_on(&host, "loop", Duration::from_millis(50))];
    let context = nobody();
    let (first, second) =
        runtime().block_on(async { tokio::join!(run_auth_checks(&busy, &context), run_auth_checks(&waits, &context)) });
    assert!(!first.is_allow());
    assert_eq!(second, Decision::Allow);
}

#[test]
fn a_check_that_cannot_be_made_for_lack_of_capacity_is_an_error_that_says_so() {
    let guest = Guest::new("token").on_own_host(HostLimits { instances: 1, queue: 0, ..small() });
    let plugin = guest.load().unwrap();
    let error = while_full(guest.host(), || guest.configure_loaded(&plugin)).unwrap_err();
    let ConfigError::Fault(fault) = error else { panic!("{error}") };
    assert_eq!(fault.cause, Cause::NoCapacity);
}

#[test]
fn a_thousand_faults_return_all_permits() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    for name in ["unreachable", "memory-trap", "recursion", "table-trap"] {
        let checks = [check_on(&host, name, PATIENT)];
        for _ in 0..250 {
            assert!(!run_auth_checks_blocking(&checks, &nobody()).is_allow());
        }
    }
    for guest in [Guest::with("answer", &[("answer", r#""\09""#)]), Guest::new("exit")] {
        let checks = [guest.on_host(&host).check()];
        for _ in 0..100 {
            assert!(!run_auth_checks_blocking(&checks, &nobody()).is_allow());
        }
    }
    neighbor_is_unharmed(&host);
}

#[test]
fn a_thousand_failed_trials_return_all_permits() {
    let guest = Guest::new("start-trap").on_own_host(HostLimits { instances: 2, queue: 0, ..small() });
    let plugin = guest.load().unwrap();
    for _ in 0..1_000 {
        assert!(guest.configure_loaded(&plugin).is_err());
    }
    neighbor_is_unharmed(guest.host());
}

#[test]
fn many_threads_share_a_few_permits_and_all_are_answered() {
    let host = host_with(HostLimits { instances: 2, ..small() });
    let check = check_on(&host, "token", Duration::from_secs(60));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert!(!run_auth_checks_blocking(&[&check], &nobody()).is_allow());
                    assert!(run_auth_checks_blocking(&[&check], &somebody(&[])).is_allow());
                }
            });
        }
    });
}

#[test]
fn a_check_without_a_free_permit_leaves_the_permits_of_the_host_to_others() {
    let host = host_with(small());
    let guest = Guest::new("loop").on_host(&host).limits(|limits| (limits.instances, limits.queue) = (Some(1), 0));
    let busy = guest.check();
    let other = check_on(&host, "allow", PATIENT);
    while_asked(&busy, &nobody(), || {
        let report = AuthChecks::new(&[&busy]).explain_blocking(&nobody());
        assert_eq!(cause(&report), Some(Cause::NoCapacity));
        assert_eq!(run_auth_checks_blocking(&[other], &nobody()), Decision::Allow);
    });
    neighbor_is_unharmed(&host);
}
