//! Small plugins, large ones and those that use the async part of the component model live apart.

use std::time::Duration;

use guardhouse::{Cause, Check, Decision, Host, HostLimits, Outcome, Plugin, blocking};
use guardhouse_tests::guest;

use crate::harness::{Guest, fixture, host_with, masked, neighbour_is_unharmed, nobody, patient, small, somebody};
use crate::room::while_one_is_busy;

/// A fixture whose memory begins with five megabytes, or that uses what only an engine with concurrency has.
fn text(name: &str, kind: &str) -> String {
    let text = guest::expand(&fixture(name));
    match kind {
        "large" => text.replace("(memory (export \"memory\") 2)", "(memory (export \"memory\") 80)"),
        _ => text.replace("(core module $memory", "(core func (canon backpressure.inc)) (core module $memory"),
    }
}

fn check(host: &Host, name: &str, kind: &str, deadline: Duration) -> Check {
    let mut guest = Guest::from_text(name, &text(name, kind)).limits(|limits| {
        limits.deadline = deadline;
        limits.standby = Some(0);
    });
    guest.host = host.clone();
    guest.check()
}

#[test]
fn large_and_async_plugins_answer_like_small_ones() {
    let host = host_with(small());
    for kind in ["large", "async"] {
        let checks = [check(&host, "token", kind, patient().deadline)];
        assert_eq!(checks[0].plugin().shape().is_async, kind == "async");
        assert_eq!(checks[0].plugin().shape().memory_bytes, if kind == "large" { 80 << 16 } else { 2 << 16 });
        for _ in 0..100 {
            assert_eq!(blocking::run_auth_checks(&checks, &somebody(&[])), Decision::Allow);
            assert!(!blocking::run_auth_checks(&checks, &nobody()).is_allow());
        }
        let endless = [check(&host, "loop", kind, Duration::from_millis(50))];
        let report = blocking::explain_auth_checks(&endless, &nobody());
        assert!(matches!(&report.checks[0].outcome, Outcome::Failed(fault) if fault.cause == Cause::Deadline));
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn a_large_plugin_takes_no_room_from_small_ones() {
    let host = host_with(HostLimits { instances: 1, large_instances: 1, queue: 0, ..small() });
    let busy = check(&host, "loop", "large", Duration::from_secs(60));
    let large = check(&host, "token", "large", patient().deadline);
    while_one_is_busy(busy, || {
        neighbour_is_unharmed(&host);
        let (report, events) =
            guardhouse_tests::events::capture(|| blocking::explain_auth_checks(&[&large], &nobody()));
        assert_eq!(masked(&report, &events).cause, Cause::NoCapacity);
    });
    assert_eq!(blocking::run_auth_checks(&[large], &somebody(&[])), Decision::Allow);
}

#[test]
fn a_plugin_that_is_larger_than_the_pool_says_which_limit() {
    let host = host_with(HostLimits { large_instances: 1, small_memory_bytes: 0, ..small() });
    let many = fixture("allow").replace(
        "(core module $plugin",
        "(core module $more (memory 1)) (core instance (instantiate $more)) (core module $plugin",
    );
    let error = Plugin::load(&host, &guest::assemble(&many).unwrap()).unwrap_err().to_string();
    assert!(error.contains("HostLimits::large_instances"), "{error}");
}
