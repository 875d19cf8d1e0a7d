//! The members of composed checks: their faults, deadlines, instances and reports.

use std::time::Duration;

use guardhouse::compose::{MAX_DEPTH, all_of, any_of, negate};
use guardhouse::{
    AuthCheck, AuthChecks, Cause, DEFAULT_DEADLINE, EvaluationFuture, EvaluationRequest, HostLimits, Identity, Outcome,
    Report, Session, native, run_auth_checks_blocking,
};
use guardhouse_tests::events;

use crate::compose::{Checks, is_allow, list, native_member, scopes};
use crate::harness::{Guest, at, cause, nobody, reproducible, small, somebody};

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
fn the_deadline_of_a_composed_check_is_the_sum_of_those_of_its_members() {
    let slow = || Guest::new("allow").deadline(Duration::from_secs(2)).check();
    assert_eq!(slow().deadline(), Duration::from_secs(2));
    let two = || any_of([slow(), slow()]);
    assert_eq!(two().deadline(), Duration::from_secs(4));
    assert_eq!(all_of([negate(two()), two()]).deadline(), Duration::from_secs(8));
    assert_eq!(any_of([native_member(0, "allow")]).deadline(), DEFAULT_DEADLINE);
}

#[test]
fn a_check_has_the_time_of_its_own_deadline_also_inside_a_composed_check() {
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
    // The second request is asked in the instance of the first one, and the third in a new one.
    assert_eq!(alone, [true, false, true]);
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
