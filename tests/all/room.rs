//! Room for instances: bounded, waited for in a bounded queue, and given back whatever happens (rule S4).

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use guardhouse::{
    AuthContext, Cause, Check, Decision, Host, HostLimits, Outcome, blocking, explain_auth_checks, run_auth_checks,
};
use guardhouse_tests::events;
use tokio::runtime::Builder;

use crate::harness::{Guest, host_with, masked, neighbour_is_unharmed, nobody, small};

fn guest_on(host: &Host, name: &str, deadline: Duration) -> Check {
    let mut guest = Guest::new(name).limits(|limits| limits.deadline = deadline);
    guest.host = host.clone();
    guest.check()
}

/// Runs `work` while an endless loop holds one place of `host`.
fn while_full<T>(host: &Host, work: impl FnOnce() -> T) -> T {
    while_one_is_busy(guest_on(host, "loop", Duration::from_secs(60)), work)
}

/// Runs `work` while an endless check holds its place.
pub(crate) fn while_one_is_busy<T>(endless: Check, work: impl FnOnce() -> T) -> T {
    while_asked(&endless, &nobody(), work)
}

/// Runs `work` while a check is busy with a request that it never answers.
pub(crate) fn while_asked<T>(check: &Check, context: &AuthContext, work: impl FnOnce() -> T) -> T {
    let checks = [check];
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let mut busy = pin!(run_auth_checks(&checks, context));
        // The first turn takes the place; the loop then yields, and keeps it until it is dropped.
        assert!(!std::future::poll_fn(|cx| Poll::Ready(busy.as_mut().poll(cx).is_ready())).await);
        work()
    })
}

const PATIENT: Duration = Duration::from_secs(10);

#[test]
fn a_full_host_without_a_queue_has_no_room() {
    let host = host_with(HostLimits { instances: 1, queue: 0, ..small() });
    let check = guest_on(&host, "allow", PATIENT);
    let (report, events) =
        while_full(&host, || events::capture(|| blocking::explain_auth_checks(&[&check], &nobody())));
    let fault = masked(&report, &events);
    println!("full host, queue of none: {fault}");
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert_eq!(blocking::run_auth_checks(&[check], &nobody()), Decision::Allow);
    neighbour_is_unharmed(&host);
}

#[test]
fn a_full_host_with_a_queue_makes_others_wait_until_their_deadlines() {
    let host = host_with(HostLimits { instances: 1, queue: 1, ..small() });
    let check = guest_on(&host, "allow", Duration::from_millis(50));
    let (report, events) =
        while_full(&host, || events::capture(|| blocking::explain_auth_checks(&[&check], &nobody())));
    let fault = masked(&report, &events);
    println!("full host, queue of one: {fault}");
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert!(fault.detail.contains("within the deadline"), "{fault}");
    neighbour_is_unharmed(&host);
}

#[test]
fn a_full_queue_turns_the_next_away_at_once() {
    let host = host_with(HostLimits { instances: 1, queue: 1, ..small() });
    let waits = [guest_on(&host, "allow", PATIENT)];
    let context = nobody();
    // One is busy, one waits, and the third is turned away; once the first two are gone there is room again.
    let busy = [guest_on(&host, "loop", Duration::from_secs(60))];
    let report = Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let mut busy = pin!(run_auth_checks(&busy, &context));
        let mut waiting = pin!(run_auth_checks(&waits, &context));
        std::future::poll_fn(|cx| {
            assert!(busy.as_mut().poll(cx).is_pending());
            assert!(waiting.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        explain_auth_checks(&waits, &context).await
    });
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert!(fault.detail.contains("no more than 1 may wait"), "{fault}");
    neighbour_is_unharmed(&host);
}

#[test]
fn whoever_waits_is_served_when_there_is_room_again() {
    let host = host_with(HostLimits { instances: 1, ..small() });
    let waits = [guest_on(&host, "allow", PATIENT)];
    let busy = [guest_on(&host, "loop", Duration::from_millis(50))];
    let context = nobody();
    let (first, second) = Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async { tokio::join!(run_auth_checks(&busy, &context), run_auth_checks(&waits, &context)) });
    assert!(!first.is_allow());
    assert_eq!(second, Decision::Allow);
}

#[test]
fn a_check_that_cannot_be_made_for_want_of_room_says_so() {
    let host = host_with(HostLimits { instances: 1, queue: 0, ..small() });
    let mut guest = Guest::new("token");
    guest.host = host.clone();
    let plugin = guest.load().unwrap();
    let error = while_full(&host, || Check::new(&plugin, guest.config.clone())).unwrap_err();
    let guardhouse::ConfigError::Fault(fault) = error else { panic!("{error}") };
    assert_eq!(fault.cause, Cause::NoCapacity);
}

#[test]
fn a_thousand_faults_leave_all_places_free() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    for name in ["unreachable", "memory-trap", "recursion", "table-trap"] {
        let checks = [guest_on(&host, name, PATIENT)];
        for _ in 0..250 {
            assert!(!blocking::run_auth_checks(&checks, &nobody()).is_allow());
        }
    }
    let mut message = Guest::with("answer", &[("answer", r#""\09""#)]);
    message.host = host.clone();
    let mut exit = Guest::new("exit");
    exit.host = host.clone();
    let checks = [message.check(), exit.check()];
    for check in checks {
        for _ in 0..100 {
            assert!(!blocking::run_auth_checks(&[&check], &nobody()).is_allow());
        }
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn a_thousand_failed_trials_leave_all_places_free() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    let mut guest = Guest::new("start-trap");
    guest.host = host.clone();
    let plugin = guest.load().unwrap();
    for _ in 0..1_000 {
        assert!(Check::new(&plugin, guest.config.clone()).is_err());
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn many_threads_share_a_few_places_and_all_are_answered() {
    let host = host_with(HostLimits { instances: 2, ..small() });
    let check = guest_on(&host, "token", Duration::from_secs(60));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert!(!blocking::run_auth_checks(&[&check], &nobody()).is_allow());
                    assert!(blocking::run_auth_checks(&[&check], &crate::harness::somebody(&[])).is_allow());
                }
            });
        }
    });
}

#[test]
fn a_check_that_fills_its_own_room_leaves_the_hosts_to_others() {
    let host = host_with(small());
    let mut guest = Guest::new("loop").limits(|limits| (limits.instances, limits.queue) = (1, 0));
    guest.host = host.clone();
    let busy = [guest.check()];
    let context = nobody();
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let mut running = pin!(run_auth_checks(&busy, &context));
        assert!(!std::future::poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_ready())).await);
        let report = explain_auth_checks(&busy, &context).await;
        let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
        assert_eq!(fault.cause, Cause::NoCapacity);
        let other = [guest_on(&host, "allow", PATIENT)];
        assert_eq!(run_auth_checks(&other, &context).await, Decision::Allow);
    });
    neighbour_is_unharmed(&host);
}
