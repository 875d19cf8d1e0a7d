//! Plugins that do not end (rule S4): deadlines and fuel.
//!
//! Tests with short deadlines assert the reason why a plugin ended, and never how long that took.

use std::time::Duration;

use guardhouse::{AuthChecks, Cause, LoadError, Outcome};
use guardhouse_tests::guest::replaced;

use crate::harness::{Guest, cause, fixture, nobody, somebody};

const HASTE: Duration = Duration::from_millis(50);

/// With a short deadline for its trial.
fn hasty_on_trial(guest: Guest) -> Guest {
    guest.limits(|limits| limits.configure_deadline = HASTE)
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    Guest::new("loop").deadline(HASTE).fails_with(Cause::Deadline);
}

#[test]
fn an_endless_start_function_ends_at_the_deadline_of_the_trial() {
    hasty_on_trial(Guest::new("start-loop")).fails_on_trial(Cause::Deadline);
}

#[test]
fn an_endless_configure_ends_at_the_deadline_of_the_trial() {
    let guest = Guest::with_settings("{}", "", "(loop $for-ever (br $for-ever))");
    hasty_on_trial(guest).fails_on_trial(Cause::Deadline);
}

#[test]
fn an_endless_allocator_ends_at_the_deadline() {
    let pointer = "(loop $for-ever (br $for-ever)) unreachable";
    Guest::with("realloc", &[("pointer", pointer)]).deadline(HASTE).fails_with(Cause::Deadline);
}

#[test]
fn an_endless_missing_scopes_is_a_fault() {
    let blanks = [("check", "(i32.const 32)"), ("missing", "(loop $for-ever (br $for-ever)) unreachable")];
    let check = Guest::with("step-up", &blanks).deadline(HASTE).check();
    let report = AuthChecks::new(&[check]).name_missing_scopes().explain_blocking(&somebody(&[]));
    assert_eq!(cause(&report), Some(Cause::Deadline));
}

#[test]
fn an_endless_schema_ends_at_its_processor_time_when_the_plugin_is_loaded() {
    let guest = Guest::with_settings("{}", "(loop $for-ever (br $for-ever))", "");
    let Err(LoadError::Schema(fault)) = guest.load() else { panic!("loaded") };
    assert_eq!(fault.cause, Cause::CpuTimeLimit);
}

#[test]
fn waiting_for_a_clock_returns_immediately() {
    // The last two are an hour, and 2^64 - 1 nanoseconds.
    for nanoseconds in ["0", "1000", "3600000000000", "-1"] {
        let guest = Guest::with("wait", &[("nanoseconds", nanoseconds)]).deadline(Duration::from_secs(60));
        assert_eq!(guest.outcome(&nobody()), Outcome::Allow, "{nanoseconds}");
    }
}

#[test]
fn an_endless_wait_in_small_steps_ends_at_the_deadline() {
    let text = replaced(
        &fixture("wait"),
        "(call $block (call $subscribe (i64.const (@nanoseconds))))",
        "(loop $for-ever (call $block (call $subscribe (i64.const 1000000000))) (br $for-ever))",
    );
    let guest = Guest::from_text("an endless wait", &text).limits(|limits| limits.handles = 1_000_000).deadline(HASTE);
    guest.fails_with(Cause::Deadline);
}

#[test]
fn fuel_runs_out_before_any_deadline() {
    Guest::new("loop").limits(|limits| limits.fuel = Some(1_000_000)).fails_with(Cause::OutOfFuel);
}

#[test]
fn zero_fuel_runs_out_at_the_first_call() {
    Guest::new("allow").limits(|limits| limits.fuel = Some(0)).fails_with(Cause::OutOfFuel);
}

#[test]
fn one_unit_of_fuel_too_little_is_a_fault() {
    let guest = Guest::new("allow");
    let used = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel;
    assert!(used > 0);
    assert_eq!(guest.clone().limits(|limits| limits.fuel = Some(used)).outcome(&nobody()), Outcome::Allow);
    guest.limits(|limits| limits.fuel = Some(used - 1)).fails_with(Cause::OutOfFuel);
}

#[test]
fn the_same_plugin_settings_and_context_use_the_same_fuel() {
    for name in ["token", "counter", "memory-trap", "dirty"] {
        let check = Guest::new(name).check();
        let used = |_| AuthChecks::new(&[&check]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel;
        let first = used(0);
        assert!(first > 0);
        assert!((1..100).map(used).all(|fuel| fuel == first), "{}", check.id());
    }
}

#[test]
fn the_used_fuel_is_reported_when_it_has_run_out() {
    let check = Guest::new("loop").limits(|limits| limits.fuel = Some(10_000)).check();
    let usage = AuthChecks::new(&[check]).explain_blocking(&nobody()).checks[0].evaluation.usage;
    assert!((9_000..=10_000).contains(&usage.fuel), "{usage:?}");
}
