//! Large plugins are compiled twice: quickly, so that they answer, and well, so that they answer fast. Nobody can tell
//! one from the other by what they answer.

use std::time::{Duration, Instant};

use guardhouse::{
    Cause, Check, CheckConfig, Decision, Host, ImagePolicy, Outcome, Plugin, StartMode, blocking, builtin,
};
use serde_json::json;

use crate::harness::{Guest, host_with, neighbour_is_unharmed, nobody, patient, small, somebody};

fn host(baseline_from: usize) -> Host {
    Host::builder().limits(small()).baseline_from(baseline_from).build().unwrap()
}

fn scopes(host: &Host, image: ImagePolicy) -> Check {
    let plugin = Plugin::load(host, builtin::bytes("require-scopes").unwrap()).unwrap();
    let settings = json!({ "scopes": ["read", "straße"] });
    Check::new(&plugin, CheckConfig { limits: patient(), image, ..CheckConfig::from(settings) }).unwrap()
}

#[test]
fn a_plugin_answers_rightly_before_after_and_while_it_is_optimized() {
    let check = scopes(&host(0), ImagePolicy::Never);
    let give_up = Instant::now() + Duration::from_secs(60);
    let mut rounds = 0;
    while !check.plugin().is_optimized() || rounds < 100 {
        assert!(Instant::now() < give_up, "it is never optimized");
        assert_eq!(blocking::run_auth_checks(&[&check], &somebody(&["straße", "read"])), Decision::Allow);
        assert!(!blocking::run_auth_checks(&[&check], &somebody(&["strasse", "read"])).is_allow());
        assert!(!blocking::run_auth_checks(&[&check], &nobody()).is_allow());
        rounds += 1;
    }
}

#[test]
fn a_small_plugin_is_compiled_once_and_well() {
    assert!(scopes(&host(usize::MAX), ImagePolicy::Never).plugin().is_optimized());
    assert!(scopes(&host_with(small()), ImagePolicy::Never).plugin().is_optimized(), "it is under the default");
}

#[test]
fn a_check_with_a_limit_of_fuel_has_optimized_code_from_the_start() {
    // The same instructions cost other fuel in quick code.
    let guest = Guest::new("allow");
    let used = blocking::explain_auth_checks(&[guest.check()], &nobody()).checks[0].usage.fuel;
    for (fuel, expected) in [(used, true), (used - 1, false)] {
        let mut guest = guest.clone().limits(|limits| limits.fuel = Some(fuel));
        guest.host = host(0);
        let check = guest.check();
        assert!(check.plugin().is_optimized());
        assert_eq!(blocking::run_auth_checks(&[check], &nobody()).is_allow(), expected);
    }
}

#[test]
fn a_quick_plugin_can_have_an_image() {
    let check = scopes(&host(0), ImagePolicy::Eager);
    assert_eq!(check.start_mode(), StartMode::Image);
    assert_eq!(blocking::run_auth_checks(&[&check], &somebody(&["straße", "read"])), Decision::Allow);
    assert!(!blocking::run_auth_checks(&[&check], &somebody(&["read"])).is_allow());
}

#[test]
fn hostile_plugins_end_the_same_way_in_quick_code() {
    let host = host(0);
    let on = |name: &str| {
        let mut guest = Guest::new(name);
        guest.host = host.clone();
        guest
    };
    on("unreachable").is_masked(Cause::Trap);
    on("division").is_masked(Cause::Trap);
    on("recursion").is_masked(Cause::StackOverflow);
    on("memory-trap").is_masked(Cause::MemoryLimit);
    on("table-trap").is_masked(Cause::TableLimit);
    on("loop").limits(|limits| limits.deadline = Duration::from_millis(50)).is_masked(Cause::Deadline);
    assert_eq!(on("hoard").outcome(&nobody()), Outcome::Allow);
    neighbour_is_unharmed(&host);
}
