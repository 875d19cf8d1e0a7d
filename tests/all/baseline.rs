//! Large plugins are compiled twice: first to baseline code, which is ready soon, and then to optimized code, which is
//! fast. Both give the same answers.

use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, CheckConfig, Decision, Host, ImagePolicy, Outcome, StartMode, run_auth_checks_blocking,
};
use serde_json::json;

use crate::harness::{
    Guest, builtin_on, eventually, host_with, neighbor_is_unharmed, nobody, settings, small, somebody,
};

fn host(baseline_from: usize) -> Host {
    Host::builder().limits(small()).baseline_from(baseline_from).build().unwrap()
}

fn scopes(host: &Host, image: ImagePolicy) -> Check {
    let config = CheckConfig { image, ..settings(json!({ "scopes": ["read", "straße"] })) };
    Check::new(&builtin_on(host, "require-scopes"), config).unwrap()
}

#[test]
fn a_plugin_answers_correctly_before_during_and_after_its_optimization() {
    let check = scopes(&host(0), ImagePolicy::Never);
    let mut rounds = 0;
    eventually("the plugin is optimized", || {
        assert_eq!(run_auth_checks_blocking(&[&check], &somebody(&["straße", "read"])), Decision::Allow);
        assert!(!run_auth_checks_blocking(&[&check], &somebody(&["strasse", "read"])).is_allow());
        assert!(!run_auth_checks_blocking(&[&check], &nobody()).is_allow());
        rounds += 1;
        check.plugin().is_optimized() && rounds >= 100
    });
}

#[test]
fn a_small_plugin_is_compiled_only_to_optimized_code() {
    assert!(scopes(&host(usize::MAX), ImagePolicy::Never).plugin().is_optimized());
    assert!(scopes(&host_with(small()), ImagePolicy::Never).plugin().is_optimized(), "smaller than the default");
}

#[test]
fn a_check_with_a_limit_of_fuel_has_optimized_code_from_the_start() {
    // In baseline code, the same instructions take a different amount of fuel.
    let guest = Guest::new("allow");
    let used = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel;
    for (fuel, expected) in [(used, true), (used - 1, false)] {
        let check = guest.clone().on_host(&host(0)).limits(|limits| limits.fuel = Some(fuel)).check();
        assert!(check.plugin().is_optimized());
        assert_eq!(run_auth_checks_blocking(&[check], &nobody()).is_allow(), expected);
    }
}

#[test]
fn a_plugin_in_baseline_code_can_have_an_image() {
    let check = scopes(&host(0), ImagePolicy::Eager);
    assert_eq!(check.start_mode(), StartMode::Image);
    assert_eq!(run_auth_checks_blocking(&[&check], &somebody(&["straße", "read"])), Decision::Allow);
    assert!(!run_auth_checks_blocking(&[&check], &somebody(&["read"])).is_allow());
}

#[test]
fn hostile_plugins_fail_with_the_same_causes_in_baseline_code() {
    let host = host(0);
    let on = |name: &str| Guest::new(name).on_host(&host);
    on("unreachable").fails_with(Cause::Trap);
    on("division").fails_with(Cause::Trap);
    on("recursion").fails_with(Cause::StackOverflow);
    on("memory-trap").fails_with(Cause::MemoryLimit);
    on("table-trap").fails_with(Cause::TableLimit);
    on("loop").deadline(Duration::from_millis(50)).fails_with(Cause::Deadline);
    assert_eq!(on("hoard").outcome(&nobody()), Outcome::Allow);
    neighbor_is_unharmed(&host);
}

#[test]
fn a_host_without_background_work_keeps_baseline_code_and_makes_no_image() {
    let host = Host::builder().limits(small()).baseline_from(0).without_background().build().unwrap();
    let check = scopes(&host, ImagePolicy::WhenHot);
    for _ in 0..1_000 {
        assert_eq!(run_auth_checks_blocking(&[&check], &somebody(&["straße", "read"])), Decision::Allow);
    }
    assert!(!check.plugin().is_optimized());
    assert!(matches!(check.start_mode(), StartMode::Configure { .. }));
}
