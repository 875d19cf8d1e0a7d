//! Plugins that do not come to an end (rule S4): deadlines and fuel.
//!
//! Only these tests have short deadlines. They assert what ended the plugin and never how long that took.

use std::time::Duration;

use guardhouse::{AuthCheck as _, AuthChecks, Cause, Limits, LoadError, Outcome, blocking};

use crate::harness::{Guest, nobody, somebody, with_settings};

fn hasty(limits: &mut Limits) {
    limits.deadline = Duration::from_millis(50);
}

fn hasty_on_trial(limits: &mut Limits) {
    limits.configure_deadline = Duration::from_millis(50);
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    Guest::new("loop").limits(hasty).is_masked(Cause::Deadline);
}

#[test]
fn an_endless_start_function_ends_at_the_deadline_of_the_trial() {
    Guest::new("start-loop").limits(hasty_on_trial).fails_on_trial(Cause::Deadline);
}

#[test]
fn an_endless_configure_ends_at_the_deadline_of_the_trial() {
    with_settings("{}", "", "(loop $for-ever (br $for-ever))").limits(hasty_on_trial).fails_on_trial(Cause::Deadline);
}

#[test]
fn an_endless_allocator_ends_at_the_deadline() {
    let pointer = "(loop $for-ever (br $for-ever)) unreachable";
    Guest::with("realloc", &[("pointer", pointer)]).limits(hasty).is_masked(Cause::Deadline);
}

#[test]
fn an_endless_missing_scopes_ends_at_the_deadline_and_is_not_believed() {
    let blanks = [("check", "(i32.const 32)"), ("missing", "(loop $for-ever (br $for-ever)) unreachable")];
    let check = Guest::with("step-up", &blanks).limits(hasty).check();
    let report = blocking::explain(&AuthChecks::new(&[check]).name_missing_scopes(), &somebody(&[]));
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::Deadline);
}

#[test]
fn an_endless_schema_ends_at_a_deadline_when_the_plugin_is_loaded() {
    let guest = with_settings("{}", "(loop $for-ever (br $for-ever))", "");
    let Err(LoadError::Schema(fault)) = guest.load() else { panic!("loaded") };
    assert_eq!(fault.cause, Cause::Deadline);
}

#[test]
fn a_wait_for_a_clock_is_over_at_once() {
    // An hour; all the time there is: 2^64 - 1 nanoseconds.
    for nanoseconds in ["0", "1000", "3600000000000", "-1"] {
        let guest = Guest::with("wait", &[("nanoseconds", nanoseconds)]).limits(|limits| {
            limits.deadline = Duration::from_secs(60);
        });
        assert_eq!(guest.outcome(&nobody()), Outcome::Allow, "{nanoseconds}");
    }
}

#[test]
fn an_endless_wait_in_small_steps_ends_at_the_deadline() {
    let text = crate::harness::fixture("wait")
        .replace("(call $block", "(loop $for-ever (call $block")
        .replace("(i64.const (@nanoseconds))))", "(i64.const 1000000000))) (br $for-ever))");
    let guest = Guest::from_text("an endless wait", &text).limits(|limits| limits.handles = 1_000_000).limits(hasty);
    guest.is_masked(Cause::Deadline);
}

#[test]
fn fuel_runs_out_before_any_deadline() {
    Guest::new("loop").limits(|limits| limits.fuel = Some(1_000_000)).is_masked(Cause::OutOfFuel);
}

#[test]
fn no_fuel_at_all_runs_out_on_trial_or_at_the_first_call() {
    Guest::new("allow").limits(|limits| limits.fuel = Some(0)).is_masked(Cause::OutOfFuel);
}

#[test]
fn the_last_unit_of_fuel_decides() {
    let guest = Guest::new("allow");
    let used = blocking::explain_auth_checks(&[guest.check()], &nobody()).checks[0].usage.fuel;
    assert!(used > 0);
    assert_eq!(guest.clone().limits(|limits| limits.fuel = Some(used)).outcome(&nobody()), Outcome::Allow);
    guest.limits(|limits| limits.fuel = Some(used - 1)).is_masked(Cause::OutOfFuel);
}

#[test]
fn the_same_plugin_settings_and_context_use_the_same_fuel() {
    for name in ["token", "counter", "memory-trap", "dirty"] {
        let check = Guest::new(name).check();
        let used = |_| blocking::explain_auth_checks(&[&check], &nobody()).checks[0].usage.fuel;
        let first = used(0);
        assert!(first > 0);
        assert!((1..100).map(used).all(|fuel| fuel == first), "{}", check.id());
    }
}

#[test]
fn fuel_that_is_used_is_reported_when_it_has_run_out() {
    let check = Guest::new("loop").limits(|limits| limits.fuel = Some(10_000)).check();
    let usage = blocking::explain_auth_checks(&[check], &nobody()).checks[0].usage;
    assert!((9_000..=10_000).contains(&usage.fuel), "{usage:?}");
}
