//! Instances that are made ahead of requests: each serves once, and is as fresh as any other (rule S7).

use std::time::{Duration, Instant};

use guardhouse::{Cause, Check, Decision, Host, HostLimits, Limits, Outcome, blocking};
use serde_json::json;

use crate::harness::{Guest, host_with, neighbour_is_unharmed, nobody, small};

fn instances(host: &Host, tenant: &str) -> u64 {
    host.tenant_usage().iter().find(|usage| usage.tenant.as_deref().unwrap_or_default() == tenant).map_or(0, |usage| usage.instances)
}

fn check(host: &Host, name: &str, change: impl FnOnce(&mut Limits)) -> Check {
    let mut guest = Guest::new(name).limits(change);
    guest.host = host.clone();
    guest.config.tenant = Some(host.tenant(name));
    guest.check()
}

/// Asks until so many instances are ready: they are made in the background.
fn until_ready(host: &Host, check: &Check, tenant: &str, count: u64) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while instances(host, tenant) != count {
        assert!(Instant::now() < give_up, "{} of {count} are ready", instances(host, tenant));
        let _ = blocking::run_auth_checks(&[check], &nobody());
        std::thread::yield_now();
    }
}

#[test]
fn each_serves_once() {
    let host = host_with(small());
    let counter = check(&host, "counter", |limits| limits.standby = Some(2));
    until_ready(&host, &counter, "counter", 2);
    for _ in 0..500 {
        assert_eq!(blocking::run_auth_checks(&[&counter], &nobody()), Decision::Allow);
    }
    until_ready(&host, &counter, "counter", 2);
    drop(counter);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !host.tenant_usage().is_empty() {
        assert!(Instant::now() < give_up, "instances outlive their check: {:?}", host.tenant_usage());
        std::thread::yield_now();
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn its_limits_are_those_of_its_request() {
    let host = host_with(small());
    let endless = check(&host, "moody", |limits| {
        (limits.standby, limits.deadline) = (Some(1), Duration::from_millis(50));
    });
    until_ready(&host, &endless, "moody", 1);
    // It was made long before the request that it serves: its deadline begins with that.
    let mut context = nobody();
    for (now, cause) in [(0, None), (2, Some(Cause::Deadline)), (1, Some(Cause::Trap)), (0, None)] {
        until_ready(&host, &endless, "moody", 1);
        context.now = now;
        let report = blocking::explain_auth_checks(&[&endless], &context);
        let found = match &report.checks[0].outcome {
            Outcome::Failed(fault) => Some(fault.cause),
            _ => None,
        };
        assert_eq!(found, cause, "{report:?}");
    }
    let fuel = |ahead| {
        let check = check(&host, "allow", |limits| limits.standby = Some(ahead));
        if ahead > 0 {
            until_ready(&host, &check, "allow", u64::from(ahead));
        }
        blocking::explain_auth_checks(&[&check], &nobody()).checks[0].usage.fuel
    };
    assert_eq!(fuel(1), fuel(0));
}

#[test]
fn they_are_configured() {
    let host = host_with(small());
    let mut guest = crate::harness::with_settings("{}", "", "").settings(json!({ "a": [1, 2] }));
    guest.host = host.clone();
    guest.config.limits.standby = Some(1);
    let check = guest.check();
    until_ready(&host, &check, "", 1);
    let expected = Err(guardhouse::AuthorizationError::new(r#"{"a":[1,2]}"#));
    for _ in 0..50 {
        assert_eq!(blocking::run_auth_checks(&[&check], &nobody()).into_result(), expected);
    }
}

#[test]
fn only_the_checks_that_were_used_last_have_any() {
    let host = host_with(HostLimits { standby_checks: 1, ..small() });
    let first = check(&host, "allow", |limits| limits.standby = Some(1));
    let second = check(&host, "counter", |limits| limits.standby = Some(1));
    // One that is still being made is counted too: it leaves, or makes the other leave, as soon as it is ready.
    let until_only = |check: &Check, own: &str, other: &str| {
        let give_up = Instant::now() + Duration::from_secs(60);
        while (instances(&host, own), instances(&host, other)) != (1, 0) {
            assert!(Instant::now() < give_up, "{:?}", host.tenant_usage());
            let _ = blocking::run_auth_checks(&[check], &nobody());
            std::thread::yield_now();
        }
    };
    until_only(&first, "allow", "counter");
    until_only(&second, "counter", "allow");
    until_only(&first, "allow", "counter");
}

#[test]
fn they_never_take_more_than_half_of_the_room() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    let checks: Vec<Check> =
        ["allow", "counter", "token"].map(|name| check(&host, name, |limits| limits.standby = Some(2))).to_vec();
    until_ready(&host, &checks[0], "allow", 1);
    for _ in 0..200 {
        for check in &checks {
            // There is always room for a request, though nobody may wait for it.
            let report = blocking::explain_auth_checks(&[check], &crate::harness::somebody(&[]));
            assert!(report.decision.is_allow(), "{report:?}");
            assert!(host.tenant_usage().iter().map(|usage| usage.instances).sum::<u64>() <= 1);
        }
    }
}

#[test]
fn they_take_none_of_the_places_of_their_check() {
    // Two places, of which one is used for good, and nobody may wait. It starts slowly: one is being made at any time.
    let host = host_with(small());
    let slow = "(func $slow (local $n i32) (loop $again (br_if $again (i32.lt_u
        (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5000000))))) (start $slow) (global $calls";
    let text = crate::harness::fixture("moody").replace("(global $calls", slow);
    let mut guest = Guest::from_text("slow and moody", &text).limits(|limits| {
        (limits.instances, limits.standby, limits.queue) = (2, Some(2), 0);
        limits.deadline = Duration::from_secs(60);
    });
    guest.host = host.clone();
    let check = guest.check();
    let mut endless = nobody();
    endless.now = 2;
    crate::room::while_asked(&check, &endless, || {
        for _ in 0..100 {
            let report = blocking::explain_auth_checks(&[&check], &nobody());
            assert!(report.decision.is_allow(), "{report:?}");
        }
    });
}

#[test]
fn they_leave_for_a_request_that_needs_their_room() {
    // An instance of the second plugin counts for two, and there are two: what the first has ready is in its way.
    let host = host_with(HostLimits { instances: 2, ..small() });
    let light = check(&host, "allow", |limits| limits.standby = Some(1));
    let text = crate::harness::fixture("token").replace(
        "(core module $plugin",
        "(core module $more (memory 1)) (core instance (instantiate $more)) (core module $plugin",
    );
    let mut heavy = Guest::from_text("two memories", &text).limits(|limits| limits.deadline = Duration::from_secs(5));
    heavy.host = host.clone();
    let heavy = heavy.check();
    for _ in 0..20 {
        until_ready(&host, &light, "allow", 1);
        let report = blocking::explain_auth_checks(&[&heavy], &crate::harness::somebody(&[]));
        assert!(report.decision.is_allow(), "{report:?}");
    }
}
