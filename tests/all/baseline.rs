//! Large plugins are compiled twice: first to baseline code, which is ready soon, and then to optimized code, which is
//! fast. Both give the same answers.

use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, CheckConfig, Decision, Host, ImagePolicy, Outcome, StartMode, run_auth_checks_blocking,
};
use guardhouse_tests::guest::replaced;
use serde_json::json;

use crate::harness::{
    Guest, builtin_on, eventually, fixture, host_with, neighbor_is_unharmed, nobody, settings, small, somebody,
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
fn the_bits_of_a_nan_are_the_same_in_baseline_and_optimized_code() {
    // Each makes a NaN whose bits a processor may choose. The plugin allows if the bits of its sign and payload are
    // those of the canonical one.
    for make in [
        "(i64.reinterpret_f64 (f64.div (local.get $zero) (local.get $zero)))",
        "(i64.reinterpret_f64 (f64.sqrt (f64.sub (local.get $zero) (f64.const 1))))",
        "(i64.reinterpret_f64 (f64.sub (f64.const inf) (f64.add (local.get $zero) (f64.const inf))))",
        "(i64.reinterpret_f64 (f64.add (f64.const -nan:0x4000000000001) (local.get $zero)))",
        "(i64.reinterpret_f64 (f64.min (f64.const -nan:0x4000000000001) (local.get $zero)))",
        "(i64.reinterpret_f64 (f64.floor (f64.const -nan:0xc000000000001)))",
        "(i64.reinterpret_f64 (f64.promote_f32 (f32.div (f32.demote_f64 (local.get $zero)) (f32.const 0))))",
        "(i64x2.extract_lane 0 (f64x2.div (f64x2.splat (local.get $zero)) (f64x2.splat (local.get $zero))))",
        "(i64x2.extract_lane 1 (f64x2.sqrt (f64x2.splat (f64.sub (local.get $zero) (f64.const 1)))))",
    ] {
        let body = format!(
            "(result i32) (local $zero f64) \
             (select (i32.const 16) (i32.const 32) (i64.eq {make} (i64.const 0x7ff8000000000000))))"
        );
        let text = replaced(&fixture("allow"), "(result i32)\n      (i32.const 16))", &body);
        for baseline_from in [0, usize::MAX] {
            let guest = Guest::from_text(make, &text).on_host(&host(baseline_from));
            assert_eq!(guest.outcome(&nobody()), Outcome::Allow, "{make}, baseline from {baseline_from}");
        }
    }
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
