//! The whole table of what a policy may decide: the answers of `always` and of the rule, and the modes of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use guardhouse::{AccessToken, AuthContext, AuthorizationError, Component, Decision, Digest, Outcome, native};

use super::plan::{AnyCheck, Plan};
use crate::decided::{Decided, DenialCause};
use crate::policy::selector::Selector;
use crate::policy::{Expression, Mode, Policy, Rule, Verdict};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Allow,
    Deny,
    Message,
    Fault,
}

const ANSWERS: [Answer; 4] = [Answer::Allow, Answer::Deny, Answer::Message, Answer::Fault];

/// What the policy has for a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Matching {
    NoRule,
    Unchecked,
    Check(Answer),
}

#[derive(Debug, Clone, Copy)]
struct Row {
    always: Option<Answer>,
    matching: Matching,
    policy_mode: Mode,
    rule_mode: Option<Mode>,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let matchings = [Matching::NoRule, Matching::Unchecked].into_iter().chain(ANSWERS.map(Matching::Check));
    for matching in matchings {
        for always in [None].into_iter().chain(ANSWERS.map(Some)) {
            for policy_mode in [Mode::Enforce, Mode::Monitor] {
                for rule_mode in [None, Some(Mode::Enforce), Some(Mode::Monitor)] {
                    rows.push(Row { always, matching, policy_mode, rule_mode });
                }
            }
        }
    }
    rows
}

/// A check that gives an answer, and counts how often it was asked.
fn check(name: &'static str, answer: Answer, asked: &Arc<AtomicU32>) -> AnyCheck {
    let asked = Arc::clone(asked);
    Arc::new(native::from_fn(name, move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        match answer {
            Answer::Allow => Outcome::Allow,
            Answer::Deny => Outcome::Denied,
            Answer::Message => Outcome::DeniedWithMessage(AuthorizationError::new(name)),
            Answer::Fault => Outcome::native_fault("broken"),
        }
    }))
}

impl Row {
    /// The plan, and how often the checks under `always` and those of the rule were asked.
    fn plan(self) -> (Plan, [Arc<AtomicU32>; 2]) {
        let asked = [Arc::<AtomicU32>::default(), Arc::default()];
        let of_rule = if let Matching::Check(answer) = self.matching { answer } else { Answer::Allow };
        let checks =
            [check("always", self.always.unwrap_or(Answer::Allow), &asked[0]), check("rule", of_rule, &asked[1])];
        let verdict = if self.matching == Matching::Unchecked {
            Verdict::Unchecked
        } else {
            Verdict::Check(Expression::Check(1))
        };
        let rule = Rule { name: "the rule".to_owned(), when: Selector::default(), verdict, mode: self.rule_mode };
        let policy = Policy {
            digest: Digest::of("policy"),
            mode: self.policy_mode,
            log: Arc::default(),
            checks: Vec::new(),
            always: self.always.iter().map(|_| Expression::Check(0)).collect(),
            rules: vec![rule],
        };
        let index = usize::from(self.matching == Matching::NoRule);
        (Plan::all(&policy, &checks).swap_remove(index), asked)
    }

    fn rule_mode(self) -> Mode {
        self.rule_mode.unwrap_or(self.policy_mode)
    }

    /// The denials that the request earns, in order: who denies, with which mode.
    fn denials(self) -> Vec<(&'static str, Mode, Option<&'static str>)> {
        let mut denials = Vec::new();
        if let Some(answer) = self.always.filter(|answer| *answer != Answer::Allow) {
            denials.push(("always", self.policy_mode, (answer == Answer::Message).then_some("always")));
        }
        match self.matching {
            Matching::NoRule => denials.push(("no rule", self.policy_mode, None)),
            Matching::Check(answer) if answer != Answer::Allow => {
                denials.push(("rule", self.rule_mode(), (answer == Answer::Message).then_some("rule")));
            }
            Matching::Unchecked | Matching::Check(_) => {}
        }
        denials
    }

    /// Asserts everything that is known of a decision.
    fn assert(self, decided: &Decided) {
        let denials = self.denials();
        let enforced = denials.iter().find(|(_, mode, _)| *mode == Mode::Enforce);
        let cause = |by: &str| if by == "no rule" { DenialCause::NoRule } else { DenialCause::Check };
        match (&decided.decision, enforced) {
            (Decision::Deny(denial), Some((by, _, message))) => {
                assert_eq!(denial.message.as_deref(), *message, "{self:?}");
                assert_eq!(denial.id, decided.id, "{self:?}");
                assert_eq!(decided.cause, Some(cause(by)), "{self:?}");
                assert_eq!(decided.rule.as_deref(), (*by == "rule").then_some("the rule"), "{self:?}");
                assert_eq!(decided.would_deny, None, "{self:?}");
            }
            (Decision::Allow, None) => {
                assert_eq!(decided.cause, None, "{self:?}");
                let would = decided.would_deny.as_ref().map(|(denial, cause)| (denial.message.as_deref(), *cause));
                assert_eq!(would, denials.first().map(|(by, _, message)| (*message, cause(by))), "{self:?}");
                let by_rule = denials.first().is_none_or(|(by, ..)| *by == "rule");
                assert_eq!(decided.rule.as_deref(), by_rule.then_some("the rule"), "{self:?}");
            }
            (decision, enforced) => panic!("{self:?}: {decision:?}, and not {enforced:?}"),
        }
        let report = decided.report.as_ref().unwrap();
        assert_eq!(report.id, decided.id, "{self:?}");
        let first = report.decided_by.map(|index| report.checks[index].id.as_str());
        let expected = if decided.decision.is_allow() { denials.first() } else { enforced };
        assert_eq!(first, expected.map(|(by, ..)| *by).filter(|by| *by != "no rule"), "{self:?}");
    }
}

fn contexts() -> [AuthContext; 3] {
    ["a", "b", "c"].map(|name| AuthContext::new(Component::tool(name)))
}

#[tokio::test]
async fn no_denial_and_no_fault_is_allowed_unless_its_part_of_the_policy_monitors() {
    let rows = rows();
    assert_eq!(rows.len(), 6 * 5 * 2 * 3);
    for row in rows {
        let (plan, [always, rule]) = row.plan();
        let decided = plan.decide(&contexts()[0], Instant::now(), None).await;
        row.assert(&decided);
        // An enforced denial ends the decision. The rule is asked otherwise, unless both only monitor.
        let denied = row.always.is_some_and(|answer| answer != Answer::Allow);
        let asks_rule = matches!(row.matching, Matching::Check(_))
            && (!denied || (row.policy_mode == Mode::Monitor && row.rule_mode() == Mode::Enforce));
        let asked = (always.load(Ordering::Relaxed), rule.load(Ordering::Relaxed));
        assert_eq!(asked, (u32::from(row.always.is_some()), u32::from(asks_rule)), "{row:?}");
    }
}

#[tokio::test]
async fn a_batch_decides_each_row_of_the_table_alike() {
    for row in rows() {
        let all = row.plan().0.decide_batch(&contexts(), Instant::now(), None).await;
        assert_eq!(all.len(), 3);
        for decided in all {
            row.assert(&decided);
        }
    }
}

#[tokio::test]
async fn without_time_every_check_that_is_enforced_denies() {
    for row in rows() {
        let plan = row.plan().0;
        let has_enforced = (row.always.is_some() && row.policy_mode == Mode::Enforce)
            || (matches!(row.matching, Matching::Check(_)) && row.rule_mode() == Mode::Enforce)
            || (row.matching == Matching::NoRule && row.policy_mode == Mode::Enforce);
        let single = plan.decide(&contexts()[0], Instant::now(), Some(Duration::ZERO)).await;
        let batch = plan.decide_batch(&contexts(), Instant::now(), Some(Duration::ZERO)).await;
        for decided in batch.iter().chain([&single]) {
            assert_eq!(decided.decision.is_allow(), !has_enforced, "{row:?}");
        }
    }
}

/// The plan of a rule with a check, behind a check under `always`.
fn plan_of(always: AnyCheck, rule: AnyCheck, modes: [Mode; 2]) -> Plan {
    let verdict = Verdict::Check(Expression::Check(1));
    let rule_of_policy = Rule { name: "the rule".to_owned(), when: Selector::default(), verdict, mode: Some(modes[1]) };
    let policy = Policy {
        digest: Digest::of("policy"),
        mode: modes[0],
        log: Arc::default(),
        checks: Vec::new(),
        always: vec![Expression::Check(0)],
        rules: vec![rule_of_policy],
    };
    Plan::all(&policy, &[always, rule]).swap_remove(0)
}

#[tokio::test]
async fn missing_scopes_are_named_together_and_never_weaken_what_is_enforced() {
    let scope = |scope: &str| AnyCheck::from(native::require_scopes([scope]));
    let context = AuthContext::new(Component::tool("a")).with_token(AccessToken::new("c", ["read"]));
    let modes = [Mode::Enforce, Mode::Monitor];
    for (always_mode, rule_mode) in modes.into_iter().flat_map(|always| modes.map(|rule| (always, rule))) {
        for answer in [Answer::Deny, Answer::Message, Answer::Fault, Answer::Allow] {
            let rule = check("rule", answer, &Arc::default());
            let plan = plan_of(scope("pay"), rule, [always_mode, rule_mode]);
            let decided = plan.decide(&context, Instant::now(), None).await;
            let denies = always_mode == Mode::Enforce || rule_mode == Mode::Enforce && answer != Answer::Allow;
            assert_eq!(decided.decision.is_allow(), !denies, "{always_mode:?} {rule_mode:?} {answer:?}");
        }
    }
    let plan = plan_of(scope("pay"), scope("approve"), [Mode::Enforce; 2]);
    let decided = plan.decide(&context, Instant::now(), None).await;
    assert_eq!(decided.decision.denial().unwrap().missing_scopes, ["approve", "pay"]);
    let nobody = plan.decide(&contexts()[0], Instant::now(), None).await;
    assert!(nobody.decision.denial().unwrap().missing_scopes.is_empty());
}

#[tokio::test]
async fn an_index_that_does_not_exist_denies_even_negated() {
    let none = || Expression::Check(7);
    let expressions =
        [none(), Expression::Not(Box::new(none())), Expression::Any(vec![none()]), Expression::All(vec![none()])];
    for expression in expressions {
        let verdict = Verdict::Check(expression);
        let rule = Rule { name: "the rule".to_owned(), when: Selector::default(), verdict, mode: None };
        let policy = Policy {
            digest: Digest::of("policy"),
            mode: Mode::Enforce,
            log: Arc::default(),
            checks: Vec::new(),
            always: Vec::new(),
            rules: vec![rule],
        };
        let decided = Plan::all(&policy, &[])[0].decide(&contexts()[0], Instant::now(), None).await;
        assert!(!decided.decision.is_allow(), "{:?}", policy.rules);
    }
}
