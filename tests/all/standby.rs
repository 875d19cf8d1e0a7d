//! Standby instances, which are made before a request needs them: each serves one evaluation, and is as fresh as any
//! other instance (rule S7).

use std::time::Duration;

use guardhouse::{
    AuthChecks, AuthorizationError, Cause, Check, Decision, Host, HostLimits, ImagePolicy, StartMode,
    run_auth_checks_blocking,
};
use guardhouse_tests::guest::filled;
use serde_json::json;

use crate::admission::while_asked;
use crate::harness::{
    Guest, at, cause, eventually, fixture, host_with, neighbor_is_unharmed, nobody, of_pool, small, somebody,
};

/// A check with `count` standby instances, and a tenant that has the name of its fixture.
fn on_standby(host: &Host, name: &str, count: u32) -> Guest {
    Guest::new(name).on_host(host).tenant(name).standby(count)
}

fn instances(host: &Host, tenant: &str) -> u64 {
    host.tenant_usage()
        .iter()
        .find(|usage| usage.tenant.as_deref().unwrap_or_default() == tenant)
        .map_or(0, |usage| usage.instances)
}

/// Evaluates a check until it has `count` standby instances, which are made in the background.
fn until_ready(host: &Host, check: &Check, tenant: &str, count: u64) {
    eventually(&format!("{count} standby instances of `{tenant}` are ready"), || {
        let _ = run_auth_checks_blocking(&[check], &nobody());
        instances(host, tenant) == count
    });
}

#[test]
fn a_standby_instance_serves_one_evaluation() {
    let host = host_with(small());
    let counter = on_standby(&host, "counter", 2).check();
    until_ready(&host, &counter, "counter", 2);
    for _ in 0..500 {
        assert_eq!(run_auth_checks_blocking(&[&counter], &nobody()), Decision::Allow);
    }
    until_ready(&host, &counter, "counter", 2);
    drop(counter);
    eventually("the standby instances of a dropped check are dropped", || host.tenant_usage().is_empty());
    neighbor_is_unharmed(&host);
}

#[test]
fn a_standby_instance_has_the_limits_of_its_request() {
    let host = host_with(small());
    let endless = on_standby(&host, "clock-driven", 1).deadline(Duration::from_millis(50)).check();
    // The deadline begins with the request, long after the instance was made.
    for (now, expected) in [(0, None), (2, Some(Cause::Deadline)), (1, Some(Cause::Trap)), (0, None)] {
        until_ready(&host, &endless, "clock-driven", 1);
        let report = AuthChecks::new(&[&endless]).explain_blocking(&at(now));
        assert_eq!(cause(&report), expected, "{report:?}");
    }
    let fuel = |standby| {
        let check = on_standby(&host, "allow", standby).check();
        until_ready(&host, &check, "allow", standby.into());
        AuthChecks::new(&[&check]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel
    };
    assert_eq!(fuel(1), fuel(0));
}

#[test]
fn standby_instances_are_configured() {
    let host = host_with(small());
    let guest = Guest::with_settings("{}", "", "").on_host(&host).tenant("acme").standby(1);
    let check = guest.settings(json!({ "a": [1, 2] })).check();
    until_ready(&host, &check, "acme", 1);
    let expected = Err(AuthorizationError::new(r#"{"a":[1,2]}"#));
    for _ in 0..50 {
        assert_eq!(run_auth_checks_blocking(&[&check], &nobody()).into_result(), expected);
    }
}

#[test]
fn without_a_number_there_are_standby_instances_while_a_large_plugin_has_no_image() {
    let host = host_with(small());
    let check = |pool, image| {
        let blanks = [("schema", "\"{}\""), ("length", "2"), ("describe", ""), ("configure", "")];
        let text = filled(&of_pool(&fixture("settings"), pool), &blanks);
        Guest::from_text("settings", &text).on_host(&host).tenant("acme").image(image).settings(json!({})).check()
    };
    let configures = check("large", ImagePolicy::Never);
    until_ready(&host, &configures, "acme", 2);
    drop(configures);

    // The instances that were made before the image are dropped.
    let has_image = check("large", ImagePolicy::WhenHot);
    until_ready(&host, &has_image, "acme", 2);
    eventually("the check has an image", || {
        let _ = run_auth_checks_blocking(&[&has_image], &nobody());
        has_image.start_mode() == StartMode::Image
    });
    eventually("the standby instances are dropped", || instances(&host, "acme") == 0);

    let is_small = check("small", ImagePolicy::Never);
    for check in [&has_image, &is_small] {
        for _ in 0..10 {
            let _ = run_auth_checks_blocking(&[check], &nobody());
            assert_eq!(instances(&host, "acme"), 0);
        }
    }
}

#[test]
fn only_the_most_recently_used_checks_have_standby_instances() {
    let host = host_with(HostLimits { standby_checks: 1, ..small() });
    let first = on_standby(&host, "allow", 1).check();
    let second = on_standby(&host, "counter", 1).check();
    // An instance that is still being made counts too: when it is ready, it is evicted or the other one is.
    let until_only = |check: &Check, own: &str, other: &str| {
        eventually(&format!("`{own}` has a standby instance and `{other}` has none"), || {
            let _ = run_auth_checks_blocking(&[check], &nobody());
            (instances(&host, own), instances(&host, other)) == (1, 0)
        });
    };
    until_only(&first, "allow", "counter");
    until_only(&second, "counter", "allow");
    until_only(&first, "allow", "counter");
}

#[test]
fn standby_instances_never_take_more_than_half_of_the_capacity() {
    let host = host_with(HostLimits { instances: 2, queue: 0, ..small() });
    let checks = ["allow", "counter", "token"].map(|name| on_standby(&host, name, 2).check());
    until_ready(&host, &checks[0], "allow", 1);
    for _ in 0..200 {
        for check in &checks {
            // A request is always admitted, though no request may wait.
            let report = AuthChecks::new(&[check]).explain_blocking(&somebody(&[]));
            assert!(report.decision.is_allow(), "{report:?}");
            assert!(host.tenant_usage().iter().map(|usage| usage.instances).sum::<u64>() <= 1);
        }
    }
}

#[test]
fn standby_instances_take_no_permit_of_their_check() {
    // The check has two permits, one of which stays in use, and no queue. The plugin starts slowly, so that a standby
    // instance is being made at any time.
    let slow = "(func $slow (local $n i32) (loop $again (br_if $again (i32.lt_u
        (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5000000))))) (start $slow)";
    let guest = Guest::with("clock-driven", &[("fields", slow)]).on_own_host(small()).standby(2);
    let check = guest
        .deadline(Duration::from_secs(60))
        .limits(|limits| (limits.instances, limits.queue) = (Some(2), 0))
        .check();
    while_asked(&check, &at(2), || {
        for _ in 0..100 {
            let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
            assert!(report.decision.is_allow(), "{report:?}");
        }
    });
}

#[test]
fn standby_instances_are_evicted_for_a_request_that_needs_their_capacity() {
    // An instance of the second plugin counts as two, and the host admits two: the standby instance of the first plugin
    // has to be evicted.
    let host = host_with(HostLimits { instances: 2, ..small() });
    let light = on_standby(&host, "allow", 1).check();
    let items = "(core module $more (memory 1)) (core instance (instantiate $more))";
    let heavy = Guest::with("token", &[("items", items)]).on_host(&host).deadline(Duration::from_secs(5)).check();
    for _ in 0..20 {
        until_ready(&host, &light, "allow", 1);
        let report = AuthChecks::new(&[&heavy]).explain_blocking(&somebody(&[]));
        assert!(report.decision.is_allow(), "{report:?}");
    }
}
