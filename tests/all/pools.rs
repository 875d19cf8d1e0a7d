//! Pools of instances: small plugins, large plugins, and plugins that use the async part of the component model have
//! separate pools.

use std::time::Duration;

use guardhouse::{AuthChecks, Cause, Check, Decision, Host, HostLimits, Plugin, run_auth_checks_blocking};
use guardhouse_tests::events;

use crate::admission::while_asked;
use crate::harness::{
    Guest, cause, failed, fixture, host_with, neighbor_is_unharmed, nobody, of_pool, patient, small, somebody,
};

fn check(host: &Host, name: &str, kind: &str, deadline: Duration) -> Check {
    Guest::from_text(name, &of_pool(&fixture(name), kind)).on_host(host).deadline(deadline).standby(0).check()
}

#[test]
fn large_and_async_plugins_answer_like_small_plugins() {
    let host = host_with(small());
    for kind in ["large", "async"] {
        let checks = [check(&host, "token", kind, patient().deadline)];
        assert_eq!(checks[0].plugin().shape().is_async, kind == "async");
        assert_eq!(checks[0].plugin().shape().memory_bytes, if kind == "large" { 80 << 16 } else { 2 << 16 });
        for _ in 0..100 {
            assert_eq!(run_auth_checks_blocking(&checks, &somebody(&[])), Decision::Allow);
            assert!(!run_auth_checks_blocking(&checks, &nobody()).is_allow());
        }
        let endless = [check(&host, "loop", kind, Duration::from_millis(50))];
        let report = AuthChecks::new(&endless).explain_blocking(&nobody());
        assert_eq!(cause(&report), Some(Cause::Deadline));
    }
    neighbor_is_unharmed(&host);
}

#[test]
fn a_large_plugin_takes_no_capacity_from_small_plugins() {
    let host = host_with(HostLimits { instances: 1, large_instances: 1, queue: 0, ..small() });
    let busy = check(&host, "loop", "large", Duration::from_secs(60));
    let large = check(&host, "token", "large", patient().deadline);
    while_asked(&busy, &nobody(), || {
        neighbor_is_unharmed(&host);
        let (report, events) = events::capture(|| AuthChecks::new(&[&large]).explain_blocking(&nobody()));
        assert_eq!(failed(&report, &events).cause, Cause::NoCapacity);
    });
    assert_eq!(run_auth_checks_blocking(&[large], &somebody(&[])), Decision::Allow);
}

#[test]
fn the_error_for_a_plugin_that_is_larger_than_the_pool_names_the_limit() {
    let items = "(core module $more (memory 1)) (core instance (instantiate $more))";
    let limits = HostLimits { large_instances: 1, small_memory_bytes: 0, ..small() };
    // `Guest::load` would load the neighbor too, which is too large as well.
    let guest = Guest::with("allow", &[("items", items)]);
    let error = Plugin::load(&host_with(limits), guest.bytes()).unwrap_err().to_string();
    assert!(error.contains("HostLimits::large_instances"), "{error}");
}
