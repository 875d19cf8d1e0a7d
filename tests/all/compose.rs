//! Composed checks: rules C1 to C6.

use std::time::Duration;

use guardhouse::compose::{MAX_DEPTH, all_of, any_of, negate};
use guardhouse::{
    AuthCheck, AuthChecks, AuthorizationError, Cause, Check, DEFAULT_DEADLINE, Decision, EvaluationFuture,
    EvaluationRequest, HostLimits, Identity, Outcome, Report, Session, native, run_auth_checks_blocking,
};
use guardhouse_tests::events;
use guardhouse_tests::guest::denies_with;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Guest, at, builtin, cause, nobody, reproducible, settings, small, somebody};

type Checks = Vec<Box<dyn AuthCheck>>;

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

fn native_member(index: usize, kind: &str) -> Box<dyn AuthCheck> {
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
fn list<C: AuthCheck>(checks: &[C]) -> AuthChecks<'_, C> {
    AuthChecks::new(checks).deadline(Duration::from_secs(60)).unwrap()
}

fn is_allow<C: AuthCheck>(checks: &[C]) -> bool {
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

fn scopes(scopes: &[&'static str]) -> Box<dyn AuthCheck> {
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

/// A check that panics in the method of this name.
struct PanicsIn(&'static str);

impl AuthCheck for PanicsIn {
    fn id(&self) -> &str {
        assert_ne!(self.0, "id");
        "panics"
    }
    fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        assert_ne!(self.0, "evaluate");
        Box::pin(async {
            assert_ne!(self.0, "future");
            Outcome::Denied.into()
        })
    }
    fn session(&self) -> Box<dyn Session + '_> {
        assert_ne!(self.0, "session");
        Box::new(PanicsInSession(self))
    }
    fn names_missing_scopes(&self) -> bool {
        assert_ne!(self.0, "names_missing_scopes");
        false
    }
    fn deadline(&self) -> Duration {
        assert_ne!(self.0, "deadline");
        DEFAULT_DEADLINE
    }
    fn identity(&self) -> Identity {
        assert_ne!(self.0, "identity");
        Identity::default()
    }
}

struct PanicsInSession<'a>(&'a PanicsIn);

impl Session for PanicsInSession<'_> {
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        self.0.evaluate(request)
    }
}

#[test]
fn a_panic_of_a_member_is_a_fault_of_this_member() {
    for (place, fails, fails_in_batch) in [
        ("evaluate", true, true),
        ("future", true, true),
        ("id", true, true),
        ("identity", true, true),
        ("session", false, true),
        ("deadline", true, true),
        ("names_missing_scopes", false, false),
    ] {
        // Negated, a denial allows, and a fault still denies.
        let negation = [negate(PanicsIn(place))];
        assert_eq!(is_allow(&negation), !fails, "{place}");
        let batch = list(&negation).run_batch_blocking(&[nobody(), nobody()]);
        assert!(batch.iter().all(|decision| decision.is_allow() != fails_in_batch), "{place}");
        // Beside an allow, it decides nothing.
        let members: Checks = vec![Box::new(PanicsIn(place)), native_member(1, "allow")];
        let any = [any_of(members)];
        assert!(is_allow(&any), "{place}");
        let report = list(&any).explain_blocking(&nobody());
        assert_eq!(report.checks[0].evaluation.members.len(), 2);
        assert_eq!(report.checks[0].evaluation.members[0].evaluation.outcome.fault().is_some(), fails, "{place}");
    }
}

/// A check that is never ready.
struct Waits;

impl AuthCheck for Waits {
    fn id(&self) -> &str {
        "waits"
    }
    fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn the_deadline_of_a_decision_ends_a_composed_check() {
    let waiting: [Box<dyn AuthCheck>; 4] = [
        Box::new(negate(Waits)),
        Box::new(negate(negate(negate(Waits)))),
        Box::new(any_of([Box::new(Waits) as Box<dyn AuthCheck>, native_member(1, "allow")])),
        Box::new(all_of([Waits])),
    ];
    for check in waiting {
        let checks = [check];
        let limited = AuthChecks::new(&checks).deadline(Duration::from_millis(30)).unwrap();
        let report = limited.explain_blocking(&nobody());
        assert!(!report.decision.is_allow());
        assert_eq!(cause(&report), Some(Cause::Deadline), "{report:?}");
        assert!(limited.run_batch_blocking(&[nobody(), nobody()]).iter().all(|decision| !decision.is_allow()));
    }
}

#[test]
fn a_member_that_misses_its_own_deadline_leaves_time_for_the_next() {
    let slow = Guest::new("loop").deadline(Duration::from_millis(30)).check();
    let checks = [any_of([Box::new(slow) as Box<dyn AuthCheck>, native_member(1, "allow")])];
    let report = list(&checks).explain_blocking(&nobody());
    assert!(report.decision.is_allow(), "{report:?}");
    let first = &report.checks[0].evaluation.members[0].evaluation;
    assert_eq!(first.outcome.fault().map(|fault| fault.cause), Some(Cause::Deadline));
}

#[test]
fn the_default_deadline_of_a_decision_is_long_enough_for_all_members() {
    let slow = || Guest::new("allow").deadline(Duration::from_secs(2)).check();
    assert_eq!(slow().deadline(), Duration::from_secs(2));
    let two = || any_of([slow(), slow()]);
    assert_eq!(two().deadline(), Duration::from_secs(4));
    assert_eq!(all_of([negate(two()), two()]).deadline(), Duration::from_secs(8));
    assert_eq!(any_of([native_member(0, "allow")]).deadline(), DEFAULT_DEADLINE);
}

#[test]
fn a_check_may_take_longer_than_a_second_if_its_own_deadline_allows_it() {
    struct Late;
    impl AuthCheck for Late {
        fn id(&self) -> &str {
            "late"
        }
        fn deadline(&self) -> Duration {
            Duration::from_secs(20)
        }
        fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            let left = request.end.saturating_duration_since(std::time::Instant::now());
            Box::pin(std::future::ready(Outcome::from(left > Duration::from_secs(15)).into()))
        }
    }
    assert!(run_auth_checks_blocking(&[Late], &nobody()).is_allow());
    assert!(run_auth_checks_blocking(&[all_of([Late])], &nobody()).is_allow());
    assert!(run_auth_checks_blocking(&[negate(negate(Late))], &nobody()).is_allow());
}

#[test]
fn a_member_keeps_its_instance_for_a_batch_while_no_other_is_asked() {
    let single = || Guest::new("clock-driven").check();
    let expect = |check: &dyn AuthCheck| {
        let reports = list(&[check]).explain_batch_blocking(&[at(8), at(8), at(0)]);
        reports.iter().map(|report| report.decision.is_allow()).collect::<Vec<_>>()
    };
    let alone = expect(&single());
    assert_eq!(expect(&all_of([single()])), alone);
    assert_eq!(expect(&any_of([single()])), alone);
    assert_eq!(expect(&negate(negate(single()))), alone);
}

#[test]
fn members_do_not_wait_for_instances_that_other_members_of_their_batch_hold() {
    // The host has one instance.
    let limits = HostLimits { instances: 1, ..small() };
    let deny = Guest::new("deny").on_own_host(limits);
    let host = deny.host().clone();
    let allow = Guest::new("allow").on_host(&host);
    let checks = [any_of([deny.check(), deny.check(), allow.check()])];
    let contexts = [nobody(), somebody(&[]), nobody()];
    let reports: Vec<Report> = list(&checks).explain_batch_blocking(&contexts);
    for (report, context) in reports.iter().zip(&contexts) {
        assert!(report.decision.is_allow(), "{report:?}");
        assert_eq!(reproducible(report), reproducible(&list(&checks).explain_blocking(context)));
    }
}

#[test]
fn c6_usage_adds_up_and_members_keep_their_names_logs_and_identities() {
    let logs = || Guest::new("log-lines").id("logs").tenant("acme").check();
    let check = any_of([negate(logs()), negate(logs())]).with_id("both");
    let (report, logged) = events::capture(|| list(&[&check]).explain_blocking(&nobody()));
    let both = &report.checks[0];
    assert_eq!((both.id.as_str(), both.identity.tenant.as_deref(), both.identity.plugin), ("both", Some("acme"), None));
    let members = &both.evaluation.members;
    let inner: Vec<_> = members.iter().flat_map(|member| &member.evaluation.members).collect();
    assert!(!inner.is_empty() && members.len() == inner.len());
    assert_eq!(both.evaluation.usage.fuel, inner.iter().map(|member| member.evaluation.usage.fuel).sum::<u64>());
    assert_eq!(both.evaluation.usage.memory_bytes, inner[0].evaluation.usage.memory_bytes);
    assert!(both.evaluation.logs.is_empty());
    for member in &inner {
        assert_eq!((member.id.as_str(), member.identity.plugin), ("logs", Some(logs().plugin().digest())));
        assert!(!member.evaluation.logs.is_empty());
    }
    let lines =
        logged.iter().filter(|event| event.target == "guardhouse::plugin" && event.field("check") == "\"logs\"");
    assert_eq!(lines.count(), inner.iter().map(|member| member.evaluation.logs.len()).sum::<usize>());
    let [decided] = events::decisions(&logged)[..] else { panic!("{logged:?}") };
    assert_eq!(decided.field("plugins").matches("sha256:").count(), inner.len(), "{decided:?}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["checks"][0]["members"][0]["members"][0]["id"], "logs");
    assert_eq!(json["checks"][0]["members"][0]["id"], "negate(logs)");
}

#[test]
fn the_name_of_a_composed_check_is_made_of_those_of_its_members_and_bounded() {
    assert_eq!(any_of([native::require_auth(), scopes(&["a"])]).id(), "any_of(require-auth, require-scopes)");
    assert_eq!(all_of::<Box<dyn AuthCheck>>([]).id(), "all_of()");
    assert_eq!(negate(native::require_auth()).id(), "negate(require-auth)");
    let mut check: Box<dyn AuthCheck> = native::require_auth();
    for _ in 0..12 {
        let shared: std::sync::Arc<dyn AuthCheck> = check.into();
        check = Box::new(any_of([std::sync::Arc::clone(&shared), shared]));
    }
    assert!(check.id().len() < 400);
}

#[test]
fn composed_checks_that_are_too_deep_inside_each_other_fail() {
    let nested = |depth: usize| {
        let mut check: Box<dyn AuthCheck> = native_member(0, "allow");
        for _ in 0..depth {
            check = Box::new(all_of([check]));
        }
        check
    };
    assert!(is_allow(&[nested(MAX_DEPTH)]));
    for depth in [MAX_DEPTH + 1, 1_000] {
        let checks = [nested(depth)];
        let report = list(&checks).explain_blocking(&nobody());
        assert!(!report.decision.is_allow());
        assert_eq!(cause(&report), Some(Cause::Native));
        assert!(list(&checks).run_batch_blocking(&[nobody(), nobody()]).iter().all(|each| !each.is_allow()));
        assert!(!is_allow(&[negate(nested(depth))]));
    }
}
