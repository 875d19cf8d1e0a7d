//! The parts of an evaluation, which benchmarks read.

use std::sync::atomic::{AtomicU32, Ordering};

use guardhouse::{AuthCheck, AuthChecks, Check, CheckReport, MeasuredCheck};
use serde_json::json;

use crate::harness::{Guest, builtin, host_with, settings, small, somebody};

/// The only report of a decision.
fn report(check: &impl AuthCheck) -> CheckReport {
    AuthChecks::new(&[check]).explain_blocking(&somebody(&["read"])).checks.remove(0)
}

#[test]
fn a_measured_check_decides_like_the_check_itself() {
    let host = host_with(small());
    for name in ["allow", "deny", "unreachable"] {
        let check = Guest::new(name).on_host(&host).check();
        let measured = MeasuredCheck::new(&check, || ());
        let [plain, measured] = [report(&check), report(&measured)];
        assert_eq!((&plain.id, &plain.identity), (&measured.id, &measured.identity));
        let [plain, measured] = [plain.evaluation, measured.evaluation];
        assert_eq!(plain.outcome, measured.outcome, "{name}");
        assert_eq!((plain.usage.fuel, plain.usage.memory_bytes), (measured.usage.fuel, measured.usage.memory_bytes));
    }
}

#[test]
fn the_parts_are_those_of_the_last_evaluation() {
    let check = Check::new(builtin("require-scopes"), settings(json!({ "scopes": ["read"] }))).unwrap();
    let calls = AtomicU32::new(0);
    let measured = MeasuredCheck::new(&check, || {
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(measured.last(), None);
    for count in 1..=3 {
        let whole = report(&measured).evaluation.usage.elapsed;
        let parts = measured.last().unwrap();
        assert!(parts.instantiation + parts.call + parts.drop <= whole, "{parts:?}, {whole:?}");
        assert_eq!(calls.load(Ordering::Relaxed), count);
    }
}

#[test]
fn an_evaluation_that_has_no_instance_has_no_parts() {
    let check = Guest::new("allow").limits(|limits| limits.context_bytes = 1).check();
    let measured = MeasuredCheck::new(&check, || panic!("an instance exists"));
    assert!(report(&measured).evaluation.outcome.fault().is_some());
    assert_eq!(measured.last(), None);
}

#[test]
fn an_image_has_few_parts() {
    let check = Check::new(builtin("require-scopes"), settings(json!({ "scopes": ["read"] }))).unwrap();
    let parts = MeasuredCheck::new(&check, || ()).image_parts().unwrap();
    assert_eq!(parts.data_segments, 0);
    assert!((1..10).contains(&parts.imported_globals), "{parts:?}");
}
