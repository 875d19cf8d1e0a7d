//! Nothing survives a check (rule S7).

use guardhouse::{AuthCheck as _, Check, CheckConfig, Decision, HostLimits, blocking};
use serde_json::json;

use crate::harness::{Guest, builtin, nobody, patient, small, somebody};

#[test]
fn a_plugin_that_counts_its_calls_is_always_at_the_first() {
    let check = Guest::new("counter").check();
    for _ in 0..1_000 {
        assert_eq!(blocking::run_auth_checks(&[&check], &nobody()), Decision::Allow);
    }
}

#[test]
fn threads_do_not_see_each_others_counts() {
    let check = Guest::new("counter").check();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(blocking::run_auth_checks(&[&check], &nobody()), Decision::Allow);
                }
            });
        }
    });
}

#[test]
fn one_check_asked_twice_in_one_decision_is_at_the_first_twice() {
    let check = Guest::new("counter").check();
    assert_eq!(blocking::run_auth_checks(&[&check, &check, &check], &nobody()), Decision::Allow);
}

#[test]
fn memory_tables_and_their_growth_are_as_new_also_after_faults() {
    // One place for all, so that each instance is made where the last one died.
    let check = Guest::new("dirty").on(HostLimits { instances: 1, ..small() }).check();
    for _ in 0..200 {
        assert_eq!(blocking::run_auth_checks(&[&check], &nobody()), Decision::Allow);
        // With a token it traps, after it has left its marks.
        assert!(!blocking::run_auth_checks(&[&check], &somebody(&[])).is_allow());
    }
}

#[test]
fn what_one_plugin_leaves_another_does_not_find() {
    let guest = Guest::new("dirty").on(HostLimits { instances: 1, ..small() });
    let text = crate::harness::fixture("dirty").replace("5ec4e7", "5ec4e8");
    let mut other = Guest::from_text("dirty as well", &text);
    other.host = guest.host.clone();
    let checks = [guest.check(), other.check()];
    for _ in 0..100 {
        assert_eq!(blocking::run_auth_checks(&checks, &nobody()), Decision::Allow);
    }
}

#[test]
fn what_configure_leaves_is_there_and_what_check_leaves_is_not() {
    let plugin = builtin("require-scopes");
    let check = |scope: &str| {
        let settings = Some(json!({ "scopes": [scope] }).into());
        Check::new(plugin, CheckConfig { settings, limits: patient(), ..CheckConfig::default() }).unwrap()
    };
    let (a, b) = (check("a"), check("b"));
    assert_ne!(a.identity().settings, b.identity().settings);
    for _ in 0..100 {
        assert_eq!(blocking::run_auth_checks(&[&a], &somebody(&["a"])), Decision::Allow);
        assert!(!blocking::run_auth_checks(&[&b], &somebody(&["a"])).is_allow());
        assert_eq!(blocking::run_auth_checks(&[&b], &somebody(&["b"])), Decision::Allow);
        assert!(!blocking::run_auth_checks(&[&a], &somebody(&["b"])).is_allow());
    }
}
