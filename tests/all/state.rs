//! No state of a plugin survives an evaluation (rule S7).

use guardhouse::{AuthCheck as _, Check, Decision, HostLimits, run_auth_checks_blocking};
use guardhouse_tests::guest::replaced;
use serde_json::json;

use crate::harness::{Guest, builtin, fixture, nobody, settings, small, somebody};

#[test]
fn a_plugin_that_counts_its_calls_always_counts_one() {
    let check = Guest::new("counter").check();
    for _ in 0..1_000 {
        assert_eq!(run_auth_checks_blocking(&[&check], &nobody()), Decision::Allow);
    }
}

#[test]
fn threads_do_not_share_the_count_of_a_plugin() {
    let check = Guest::new("counter").check();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(run_auth_checks_blocking(&[&check], &nobody()), Decision::Allow);
                }
            });
        }
    });
}

#[test]
fn the_same_check_counts_one_each_time_in_one_decision() {
    let check = Guest::new("counter").check();
    assert_eq!(run_auth_checks_blocking(&[&check, &check, &check], &nobody()), Decision::Allow);
}

#[test]
fn memory_and_tables_are_fresh_even_after_faults() {
    // With only one slot, each instance gets the memory of the previous one.
    let check = Guest::new("dirty").on_own_host(HostLimits { instances: 1, ..small() }).check();
    for _ in 0..200 {
        assert_eq!(run_auth_checks_blocking(&[&check], &nobody()), Decision::Allow);
        // If the caller has a token, the plugin traps after leaving its marks.
        assert!(!run_auth_checks_blocking(&[&check], &somebody(&[])).is_allow());
    }
}

#[test]
fn a_plugin_does_not_find_the_marks_of_another_plugin() {
    let guest = Guest::new("dirty").on_own_host(HostLimits { instances: 1, ..small() });
    let text = replaced(&fixture("dirty"), "5ec4e7", "5ec4e8");
    let other = Guest::from_text("dirty with other marks", &text).on_host(guest.host());
    let checks = [guest.check(), other.check()];
    for _ in 0..100 {
        assert_eq!(run_auth_checks_blocking(&checks, &nobody()), Decision::Allow);
    }
}

#[test]
fn state_of_configure_is_kept_and_state_of_check_is_not() {
    let plugin = builtin("require-scopes");
    let check = |scope: &str| Check::new(plugin, settings(json!({ "scopes": [scope] }))).unwrap();
    let (a, b) = (check("a"), check("b"));
    assert_ne!(a.identity().settings, b.identity().settings);
    for _ in 0..100 {
        assert_eq!(run_auth_checks_blocking(&[&a], &somebody(&["a"])), Decision::Allow);
        assert!(!run_auth_checks_blocking(&[&b], &somebody(&["a"])).is_allow());
        assert_eq!(run_auth_checks_blocking(&[&b], &somebody(&["b"])), Decision::Allow);
        assert!(!run_auth_checks_blocking(&[&a], &somebody(&["b"])).is_allow());
    }
}
