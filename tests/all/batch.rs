//! Batches: contexts that are decided together get the same decisions as one by one.

use std::time::Duration;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Cause, Check, CheckConfig, Decision, ImagePolicy, Report, native,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{
    Guest, at, builtin, cause, fixture, neighbor_is_unharmed, nobody, of_pool, patient, reproducible, settings,
    somebody,
};
use crate::properties::{cases, context};

/// The reports of a batch, after comparing each with the report of its context alone.
fn same_as_one_by_one<C: AuthCheck>(checks: &AuthChecks<'_, C>, contexts: &[AuthContext]) -> Vec<Report> {
    let reports = checks.explain_batch_blocking(contexts);
    assert_eq!(reports.len(), contexts.len());
    for (report, context) in reports.iter().zip(contexts) {
        assert_eq!(reproducible(report), reproducible(&checks.explain_blocking(context)));
    }
    reports
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_batch_decides_as_one_by_one(
        contexts in vec(context(), 0..12),
        scopes in vec(prop::sample::select(vec!["a", "b", "read", ""]), 0..3),
        image in prop::sample::select(vec![ImagePolicy::Never, ImagePolicy::Eager]),
        name_missing_scopes in any::<bool>(),
    ) {
        let check = |name: &str, values: Value| {
            Check::new(builtin(name), CheckConfig { image, ..settings(values) }).unwrap()
        };
        let checks: [Box<dyn AuthCheck>; 5] = [
            Box::new(check("require-scopes", json!({ "scopes": scopes }))),
            Box::new(check("restrict-tag", json!({ "tag": "a", "scopes": ["b"] }))),
            native::require_scopes(["a"]),
            Box::new(check("argument-limit", json!({ "argument": "/a", "max": 3 }))),
            Box::new(native::from_fn("panics", |ctx: &AuthContext| {
                assert_ne!(ctx.action, "b");
                true
            })),
        ];
        let checks = AuthChecks::new(&checks).deadline(patient().deadline).unwrap();
        let checks = if name_missing_scopes { checks.name_missing_scopes() } else { checks };
        same_as_one_by_one(&checks, &contexts);
    }
}

#[test]
fn one_instance_serves_a_batch_and_does_not_survive_it() {
    // The memory of the instance is kept for the next context of the batch, and dropped after the batch.
    let check = Guest::new("clock-driven").check();
    let checks = [check];
    for _ in 0..3 {
        let reports = AuthChecks::new(&checks).explain_batch_blocking(&[at(8), at(8), at(0)]);
        let allows: Vec<bool> = reports.iter().map(|report| report.decision.is_allow()).collect();
        assert_eq!(allows, [true, false, true]);
    }
}

#[test]
fn a_plugin_that_may_leave_tasks_behind_gets_an_instance_for_each_context() {
    let guest = Guest::from_text("async counter", &of_pool(&fixture("counter"), "async"));
    let decisions = AuthChecks::new(&[guest.check()]).run_batch_blocking(&[nobody(), nobody(), nobody()]);
    assert!(decisions.iter().all(Decision::is_allow), "{decisions:?}");
}

#[test]
fn a_fault_concerns_only_one_context_of_a_batch() {
    let check = Guest::new("clock-driven").limits(|limits| limits.memory_bytes = 4 << 20).check();
    let checks = [check];
    let checks = AuthChecks::new(&checks).deadline(patient().deadline).unwrap();
    // Each kind of outcome comes first, last, twice and in the middle.
    let reports = same_as_one_by_one(&checks, &[1, 0, 5, 1, 1, 7, 3, 0, 4, 5, 6, 6, 0, 3, 1].map(at));
    assert_eq!(cause(&reports[0]), Some(Cause::Trap));
    assert_eq!(cause(&reports[6]), Some(Cause::MemoryLimit));
    assert_eq!(cause(&reports[8]), Some(Cause::StackOverflow));
    assert_eq!(cause(&reports[10]), Some(Cause::InvalidResult));
    assert_eq!(reports.iter().filter(|report| report.decision.is_allow()).count(), 3);
}

#[test]
fn each_context_of_a_batch_has_the_whole_budget() {
    // Memory, fuel and log are each enough for one call, and not for two.
    let hoard = Guest::new("hoard").limits(|limits| limits.memory_bytes = 3 << 20);
    let allow = Guest::new("allow");
    let fuel = AuthChecks::new(&[allow.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel;
    let frugal = allow.limits(|limits| limits.fuel = Some(fuel));
    let talkative = Guest::new("log-lines");
    for guest in [hoard, frugal, talkative] {
        let checks = [guest.check()];
        let checks = AuthChecks::new(&checks).deadline(patient().deadline).unwrap();
        let reports = same_as_one_by_one(&checks, &vec![nobody(); 20]);
        assert!(reports.iter().all(|report| cause(report).is_none()));
    }
}

#[test]
fn a_plugin_that_reads_a_clock_gets_the_time_of_each_context() {
    for guest in [Guest::new("clock"), Guest::with("random", &[("count", "8")])] {
        let checks = [guest.check()];
        let contexts = [5, 1_700_000_000, 7].map(at);
        let reports = AuthChecks::new(&checks).explain_batch_blocking(&contexts);
        for (report, context) in reports.iter().zip(&contexts) {
            let alone = AuthChecks::new(&checks).explain_blocking(context);
            assert_eq!(report.checks[0].evaluation.outcome.kind(), alone.checks[0].evaluation.outcome.kind());
        }
    }
}

#[test]
fn a_batch_has_one_deadline() {
    let endless = Guest::new("clock-driven").deadline(Duration::from_secs(60));
    let checks = [endless.check()];
    let hasty = AuthChecks::new(&checks).deadline(Duration::from_millis(50));
    let reports = hasty.unwrap().explain_batch_blocking(&[0, 2, 0, 5].map(at));
    let causes: Vec<_> = reports.iter().map(cause).collect();
    assert_eq!(causes, [None, Some(Cause::Deadline), Some(Cause::Deadline), Some(Cause::Deadline)]);
    assert!(reports[0].decision.is_allow());
    neighbor_is_unharmed(endless.host());
}

#[test]
fn an_endless_evaluation_uses_only_its_own_deadline() {
    let checks = [Guest::new("clock-driven").deadline(Duration::from_millis(50)).check()];
    let checks = AuthChecks::new(&checks).deadline(patient().deadline).unwrap();
    let reports = checks.explain_batch_blocking(&[0, 2, 0, 2, 5].map(at));
    let causes: Vec<_> = reports.iter().map(cause).collect();
    assert_eq!(causes, [None, Some(Cause::Deadline), None, Some(Cause::Deadline), None]);
}

#[test]
fn an_empty_batch_and_an_empty_list_of_checks_are_decided() {
    let checks = [Guest::new("allow").check()];
    assert!(AuthChecks::new(&checks).explain_batch_blocking(&[]).is_empty());
    let none: [Check; 0] = [];
    let reports = AuthChecks::new(&none).explain_batch_blocking(&[nobody(), somebody(&[])]);
    assert!(reports.iter().all(|report| report.decision.is_allow() && report.checks.is_empty()));
}
