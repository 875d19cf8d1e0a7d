//! Composed checks: rules C1 to C6.

use std::time::Duration;

use guardhouse::compose::{all_of, any_of, negate};
use guardhouse::{AuthCheck, AuthChecks, AuthorizationError, Check, Decision, Outcome, native};
use guardhouse_tests::events;
use guardhouse_tests::guest::denies_with;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Guest, builtin, nobody, settings, somebody};

pub(crate) type Checks = Vec<Box<dyn AuthCheck>>;

/// One combination of the table, which the tests of the Python package read too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Combination {
    rule: String,
    members: Vec<String>,
    outcome: String,
    /// The member whose message is given.
    message: Option<usize>,
    /// The number of members that are asked.
    asked: usize,
}

fn combinations() -> Vec<Combination> {
    let lines = include_str!("../cases/composition.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn message(index: usize) -> String {
    format!("message {index}")
}

pub(crate) fn native_member(index: usize, kind: &str) -> Box<dyn AuthCheck> {
    named_native_member(format!("member {index}"), index, kind)
}

fn named_native_member(id: String, index: usize, kind: &str) -> Box<dyn AuthCheck> {
    match kind {
        "allow" => Box::new(native::from_fn(id, |_| true)),
        "denied" => Box::new(native::from_fn(id, |_| false)),
        "message" => Box::new(native::from_fn(id, move |_| Err::<bool, _>(AuthorizationError::new(message(index))))),
        "failed" => Box::new(native::from_fn(id, |_| Outcome::native_fault("failed"))),
        other => panic!("{other}"),
    }
}

fn named_plugin_member(id: String, index: usize, kind: &str) -> Box<dyn AuthCheck> {
    let guest = match kind {
        "allow" => Guest::new("allow"),
        "denied" => Guest::new("deny"),
        "message" => Guest::from_bytes("message", denies_with(message(index).as_bytes()).unwrap()),
        "failed" => Guest::new("unreachable"),
        other => panic!("{other}"),
    };
    Box::new(guest.id(&id).check())
}

/// A list with a long deadline: the speed of the machine must not decide.
pub(crate) fn list<C: AuthCheck>(checks: &[C]) -> AuthChecks<'_, C> {
    AuthChecks::new(checks).deadline(Duration::from_secs(60)).unwrap()
}

pub(crate) fn is_allow<C: AuthCheck>(checks: &[C]) -> bool {
    list(checks).run_blocking(&nobody()).is_allow()
}

fn composed(rule: &str, mut members: Checks) -> Box<dyn AuthCheck> {
    match rule {
        "any_of" => Box::new(any_of(members)),
        "all_of" => Box::new(all_of(members)),
        "negate" => Box::new(negate(members.remove(0))),
        other => panic!("{other}"),
    }
}

/// The names of the members have the `number` of the combination, because the warnings of one check have a rate.
fn check_combination(number: usize, combination: &Combination, member: fn(String, usize, &str) -> Box<dyn AuthCheck>) {
    let id = |index| format!("member {index} of {number}");
    let Combination { rule, members, outcome, message: speaker, asked } = combination;
    let make = || members.iter().enumerate().map(|(index, kind)| member(id(index), index, kind)).collect();
    let checks = [composed(rule, make())];
    for checks in [list(&checks), list(&checks).name_missing_scopes()] {
        let (report, logged) = events::capture(|| checks.explain_blocking(&somebody(&[])));
        let evaluation = &report.checks[0].evaluation;
        assert_eq!(evaluation.outcome.kind(), outcome, "{combination:?}");
        assert_eq!(evaluation.members.len(), *asked, "{combination:?}");
        assert_eq!(report.decision.is_allow(), outcome == "allow", "{combination:?}");
        let said = report.decision.denial().and_then(|denial| denial.message.clone());
        assert_eq!(said, speaker.map(message), "{combination:?}");

        // One event for each member that failed, which says whether its fault is the answer.
        let failed: Vec<usize> = (0..*asked).filter(|&index| members[index] == "failed").collect();
        let events = events::faults(&logged);
        let ids: Vec<String> = failed.iter().map(|index| format!("{:?}", id(*index))).collect();
        assert_eq!(events.iter().map(|event| event.field("check")).collect::<Vec<_>>(), ids, "{combination:?}");
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event.field("message").contains("which denies"), outcome == "failed" && at == 0, "{event:?}");
        }

        let batch = checks.explain_batch_blocking(&[somebody(&[]), nobody(), somebody(&["a"])]);
        assert!(batch.iter().all(|report| report.checks[0].evaluation.outcome.kind() == outcome), "{combination:?}");
        assert_eq!(batch[0].checks[0].evaluation.outcome, evaluation.outcome);
    }
}

#[test]
fn every_combination_of_native_members_has_the_outcome_of_the_table() {
    let combinations = combinations();
    assert_eq!(combinations.len(), 4 + 2 * (1 + 4 + 16 + 64));
    for (number, combination) in combinations.iter().enumerate() {
        check_combination(number, combination, named_native_member);
    }
}

#[test]
fn every_combination_of_plugins_has_the_outcome_of_the_table() {
    for (number, combination) in combinations().iter().filter(|combination| combination.members.len() < 3).enumerate() {
        check_combination(number, combination, named_plugin_member);
    }
}

#[test]
fn c1_a_double_negation_has_the_answer_of_its_member() {
    for (index, kind) in ["allow", "denied", "message", "failed"].into_iter().enumerate() {
        let once = list(&[native_member(index, kind)]).run_blocking(&nobody()).into_result();
        assert_eq!(list(&[negate(negate(native_member(index, kind)))]).run_blocking(&nobody()).into_result(), once);
    }
}

#[test]
fn c3_a_fault_of_an_inner_composition_beside_an_allow_decides_nothing_and_is_logged_once() {
    let inner = all_of([native_member(0, "allow"), native_member(1, "failed")]);
    let checks = [any_of(vec![Box::new(inner) as Box<dyn AuthCheck>, Box::new(negate(native_member(2, "denied")))])];
    let (report, logged) = events::capture(|| list(&checks).explain_blocking(&nobody()));
    assert!(report.decision.is_allow());
    let [event] = events::faults(&logged)[..] else { panic!("{logged:?}") };
    assert_eq!(event.field("check"), "\"member 1\"");
    assert!(!event.field("message").contains("which denies"), "{event:?}");
}

pub(crate) fn scopes(scopes: &[&'static str]) -> Box<dyn AuthCheck> {
    native::require_scopes(scopes.iter().copied())
}

fn named(checks: &[Box<dyn AuthCheck>]) -> (Option<usize>, Vec<String>) {
    let report = list(checks).name_missing_scopes().explain_blocking(&somebody(&["held"]));
    let Decision::Deny(denial) = report.decision else { panic!("allowed") };
    (report.decided_by, denial.missing_scopes)
}

#[test]
fn c5_scopes_are_named_if_one_member_denied_and_all_that_could_name_theirs() {
    let deny = || native_member(0, "denied");
    let plugin = || -> Box<dyn AuthCheck> {
        Box::new(Check::new(builtin("require-scopes"), settings(json!({ "scopes": ["p", "held"] }))).unwrap())
    };
    let allow = || native_member(0, "allow");
    let named_by: [(Box<dyn AuthCheck>, &[&str]); 12] = [
        (Box::new(any_of([scopes(&["b", "a", "held"])])), &["a", "b"]),
        (Box::new(any_of([plugin()])), &["p"]),
        (Box::new(all_of([scopes(&["held"]), scopes(&["a"])])), &["a"]),
        (Box::new(all_of([scopes(&["a"]), scopes(&["b"])])), &["a"]),
        (Box::new(all_of([any_of([scopes(&["a"])])])), &["a"]),
        // Either would do, so naming both would ask for too much.
        (Box::new(any_of([scopes(&["a"]), scopes(&["b"])])), &[]),
        (Box::new(any_of([scopes(&["a"]), deny()])), &[]),
        (Box::new(any_of([deny()])), &[]),
        // The check that was not asked could deny for another reason.
        (Box::new(all_of([scopes(&["a"]), allow()])), &[]),
        (Box::new(all_of([allow(), scopes(&["a"])])), &[]),
        (Box::new(negate(scopes(&["held"]))), &[]),
        (Box::new(negate(negate(scopes(&["a"])))), &[]),
    ];
    for (check, expected) in named_by {
        let id = check.id().to_owned();
        assert_eq!(check.names_missing_scopes(), !expected.is_empty(), "{id}");
        // A check that names its scopes does not end the run, and any other denial does (rule U1).
        let mut all: Vec<String> = expected.iter().map(|&scope| scope.to_owned()).collect();
        assert_eq!(named(&[check]), (Some(0), all.clone()), "{id}");
        all.clear();
    }
    let with_another = [Box::new(any_of([scopes(&["a"])])) as Box<dyn AuthCheck>, scopes(&["z"])];
    assert_eq!(named(&with_another), (Some(0), vec!["a".to_owned(), "z".to_owned()]));
}

#[test]
fn c5_a_member_that_fails_to_name_its_scopes_fails_only_if_it_is_asked_for_them() {
    let guest = || Guest::with("step-up", &[("check", "(i32.const 32)"), ("missing", "unreachable")]).check();
    let asked = |check: &dyn AuthCheck| {
        list(&[check]).name_missing_scopes().explain_blocking(&somebody(&[])).checks.remove(0).evaluation.outcome
    };
    assert!(matches!(asked(&any_of([guest()])), Outcome::Failed(_)));
    assert_eq!(asked(&negate(guest())), Outcome::Allow);
    assert_eq!(asked(&any_of([guest(), guest()])), Outcome::Denied);
}
