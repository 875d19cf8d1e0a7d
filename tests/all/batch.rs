//! Batches: several contexts decided together, as they would be one by one.

use std::time::Duration;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Cause, Check, CheckConfig, Decision, ImagePolicy, Outcome, Report, blocking,
    native,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Guest, builtin, neighbour_is_unharmed, nobody, patient, somebody};
use crate::properties::{config, context};

/// Everything about a report but its id and its times.
fn essence(report: &Report) -> String {
    let checks: Vec<_> = report
        .checks
        .iter()
        .map(|check| {
            let outcome = match &check.outcome {
                Outcome::Failed(fault) => format!("masked: {fault}"),
                other => format!("{other:?}"),
            };
            (&check.id, outcome, &check.missing_scopes, &check.logs)
        })
        .collect();
    let decision = match &report.decision {
        Decision::Allow => None,
        Decision::Deny(denial) => {
            assert_eq!(denial.id, report.id);
            Some((&denial.message, &denial.missing_scopes))
        }
    };
    format!("{decision:?} by {:?}: {checks:?}", report.decided_by)
}

/// The batch's reports, after holding them against those of each context alone.
fn same_as_one_by_one<C: AuthCheck>(checks: &AuthChecks<'_, C>, contexts: &[AuthContext]) -> Vec<Report> {
    let reports = blocking::explain_batch(checks, contexts);
    assert_eq!(reports.len(), contexts.len());
    for (report, context) in reports.iter().zip(contexts) {
        assert_eq!(essence(report), essence(&blocking::explain(checks, context)));
    }
    reports
}

/// The context of which the moody plugin thinks so.
fn mood(now: i64) -> AuthContext {
    AuthContext { now, ..nobody() }
}

fn cause(report: &Report) -> Option<Cause> {
    match &report.checks.last().unwrap().outcome {
        Outcome::Failed(fault) => Some(fault.cause),
        _ => None,
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn a_batch_decides_as_one_by_one(
        contexts in vec(context(), 0..12),
        scopes in vec(prop::sample::select(vec!["a", "b", "read", ""]), 0..3),
        image in prop::sample::select(vec![ImagePolicy::Never, ImagePolicy::Eager]),
        name_missing_scopes in any::<bool>(),
    ) {
        let check = |name: &str, settings: serde_json::Value| {
            let config = CheckConfig { limits: patient(), image, ..CheckConfig::from(settings) };
            Check::new(builtin(name), config).unwrap()
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
        let checks = AuthChecks::new(&checks).deadline(patient().deadline);
        let checks = if name_missing_scopes { checks.name_missing_scopes() } else { checks };
        same_as_one_by_one(&checks, &contexts);
    }
}

#[test]
fn one_instance_serves_a_batch_and_none_survives_it() {
    // What it keeps in memory is there for the next context of the batch, and gone after it.
    let check = Guest::new("moody").check();
    let checks = [check];
    for _ in 0..3 {
        let reports = blocking::explain_batch(&AuthChecks::new(&checks), &[mood(8), mood(8), mood(0)]);
        let allows: Vec<bool> = reports.iter().map(|report| report.decision.is_allow()).collect();
        assert_eq!(allows, [true, false, true]);
    }
}

#[test]
fn a_fault_is_the_matter_of_one_context() {
    let check = Guest::new("moody").limits(|limits| limits.memory_bytes = 4 << 20).check();
    let checks = [check];
    let checks = AuthChecks::new(&checks).deadline(patient().deadline);
    // Each kind of ending first, last, twice and in the middle.
    let moods = [1, 0, 5, 1, 1, 7, 3, 0, 4, 5, 6, 6, 0, 3, 1].map(mood);
    let reports = same_as_one_by_one(&checks, &moods);
    assert_eq!(cause(&reports[0]), Some(Cause::Trap));
    assert_eq!(cause(&reports[6]), Some(Cause::MemoryLimit));
    assert_eq!(cause(&reports[8]), Some(Cause::StackOverflow));
    assert_eq!(cause(&reports[10]), Some(Cause::InvalidResult));
    assert_eq!(reports.iter().filter(|report| report.decision.is_allow()).count(), 3);
}

#[test]
fn what_an_instance_takes_for_one_context_is_not_missing_for_the_next() {
    // Memory, fuel and log: each is enough for one call, and not for two.
    let hoard = Guest::new("hoard").limits(|limits| limits.memory_bytes = 3 << 20);
    let allow = Guest::new("allow");
    let fuel = blocking::explain_auth_checks(&[allow.check()], &nobody()).checks[0].usage.fuel;
    let frugal = allow.limits(|limits| limits.fuel = Some(fuel));
    let talkative = Guest::new("log-lines");
    for guest in [hoard, frugal, talkative] {
        let checks = [guest.check()];
        let checks = AuthChecks::new(&checks).deadline(patient().deadline);
        let reports = same_as_one_by_one(&checks, &vec![nobody(); 20]);
        assert!(reports.iter().all(|report| cause(report).is_none()));
    }
}

#[test]
fn a_plugin_that_looks_at_a_clock_sees_that_of_each_context() {
    for guest in [Guest::new("clock"), Guest::with("random", &[("count", "8")])] {
        let checks = [guest.check()];
        let contexts: Vec<AuthContext> = [5, 1_700_000_000, 7].map(mood).to_vec();
        let reports = blocking::explain_batch(&AuthChecks::new(&checks), &contexts);
        for (report, context) in reports.iter().zip(&contexts) {
            let alone = blocking::explain(&AuthChecks::new(&checks), context);
            assert_eq!(report.checks[0].outcome.kind(), alone.checks[0].outcome.kind());
        }
    }
}

#[test]
fn all_of_a_batch_has_one_deadline() {
    let endless = Guest::new("moody").limits(|limits| limits.deadline = Duration::from_secs(60));
    let checks = [endless.check()];
    let hasty = AuthChecks::new(&checks).deadline(Duration::from_millis(50));
    let reports = blocking::explain_batch(&hasty, &[mood(0), mood(2), mood(0), mood(5)]);
    let causes: Vec<_> = reports.iter().map(cause).collect();
    assert_eq!(causes, [None, Some(Cause::Deadline), Some(Cause::Deadline), Some(Cause::Deadline)]);
    assert!(reports[0].decision.is_allow());
    neighbour_is_unharmed(&endless.host);
}

#[test]
fn an_endless_context_costs_its_own_deadline_once() {
    let guest = Guest::new("moody").limits(|limits| limits.deadline = Duration::from_millis(50));
    let checks = [guest.check()];
    let checks = AuthChecks::new(&checks).deadline(patient().deadline);
    let reports = blocking::explain_batch(&checks, &[mood(0), mood(2), mood(0), mood(2), mood(5)]);
    let causes: Vec<_> = reports.iter().map(cause).collect();
    assert_eq!(causes, [None, Some(Cause::Deadline), None, Some(Cause::Deadline), None]);
}

#[test]
fn an_empty_batch_and_an_empty_list_are_decided_too() {
    let checks = [Guest::new("allow").check()];
    assert!(blocking::explain_batch(&AuthChecks::new(&checks), &[]).is_empty());
    let none: [Check; 0] = [];
    let reports = blocking::explain_batch(&AuthChecks::new(&none), &[nobody(), somebody(&[])]);
    assert!(reports.iter().all(|report| report.decision.is_allow() && report.checks.is_empty()));
}
