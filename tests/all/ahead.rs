//! Instances that are made ahead of requests: each serves once, and is as fresh as any other (rule S7).

use std::time::{Duration, Instant};

use guardhouse::{Cause, Check, Decision, Host, HostLimits, Limits, Outcome, blocking};
use serde_json::json;

use crate::harness::{Guest, host_with, neighbour_is_unharmed, nobody, small};

fn instances(host: &Host, tenant: &str) -> u64 {
    host.tenants().iter().find(|usage| usage.tenant == tenant).map_or(0, |usage| usage.instances)
}

fn check(host: &Host, name: &str, change: impl FnOnce(&mut Limits)) -> Check {
    let mut guest = Guest::new(name).limits(change);
    guest.host = host.clone();
    guest.config.tenant = Some(name.to_owned());
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
    let counter = check(&host, "counter", |limits| limits.ahead = Some(2));
    until_ready(&host, &counter, "counter", 2);
    for _ in 0..500 {
        assert_eq!(blocking::run_auth_checks(&[&counter], &nobody()), Decision::Allow);
    }
    until_ready(&host, &counter, "counter", 2);
    drop(counter);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !host.tenants().is_empty() {
        assert!(Instant::now() < give_up, "instances outlive their check: {:?}", host.tenants());
        std::thread::yield_now();
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn its_limits_are_those_of_its_request() {
    let host = host_with(small());
    let endless = check(&host, "moody", |limits| {
        (limits.ahead, limits.deadline) = (Some(1), Duration::from_millis(50));
    });
    until_ready(&host, &endless, "moody", 1);
    // It was made long before the request that it serves: its deadline begins with that.
    let mut context = nobody();
    for (now, cause) in [(0, None), (2, Some(Cause::Deadline)), (1, Some(Cause::Trap)), (0, None)] {
        until_ready(&host, &endless, "moody", 1);
        context.now = now;
        let report = blocking::explain_auth_checks(&[&endless], &context);
        let found = match &report.checks[0].outcome {
            Outcome::Masked(fault) => Some(fault.cause),
            _ => None,
        };
        assert_eq!(found, cause, "{report:?}");
    }
    let fuel = |ahead| {
        let check = check(&host, "allow", |limits| limits.ahead = Some(ahead));
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
    guest.config.limits.ahead = Some(1);
    let check = guest.check();
    until_ready(&host, &check, "", 1);
    let expected = Err(guardhouse::AuthorizationError::new(r#"{"a":[1,2]}"#));
    for _ in 0..50 {
        assert_eq!(blocking::run_auth_checks(&[&check], &nobody()).into_result(), expected);
    }
}

#[test]
fn only_the_checks_that_were_used_last_have_any() {
    let host = host_with(HostLimits { ahead: 1, ..small() });
    let first = check(&host, "allow", |limits| limits.ahead = Some(1));
    let second = check(&host, "counter", |limits| limits.ahead = Some(1));
    until_ready(&host, &first, "allow", 1);
    until_ready(&host, &second, "counter", 1);
    assert_eq!(instances(&host, "allow"), 0, "it gave its own up");
    until_ready(&host, &first, "allow", 1);
    assert_eq!(instances(&host, "counter"), 0);
}

#[test]
fn they_never_take_more_than_half_of_the_room() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    let checks: Vec<Check> =
        ["allow", "counter", "token"].map(|name| check(&host, name, |limits| limits.ahead = Some(2))).to_vec();
    until_ready(&host, &checks[0], "allow", 1);
    for _ in 0..200 {
        for check in &checks {
            // There is always room for a request, though nobody may wait for it.
            let report = blocking::explain_auth_checks(&[check], &crate::harness::somebody(&[]));
            assert!(report.decision.is_allow(), "{report:?}");
            assert!(host.tenants().iter().map(|usage| usage.instances).sum::<u64>() <= 1);
        }
    }
}
