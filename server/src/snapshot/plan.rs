//! Plans: the checks that the requests of one rule are asked of, and the only place where their reports become the
//! decision of a policy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Decision, Denial, MAX_DEADLINE, Outcome, Report, compose, native,
};

use crate::decided::{Decided, DenialCause};
use crate::policy::{Expression, Mode, Policy, Rule, Verdict};

/// A check, or a composition of checks.
pub(super) type AnyCheck = Arc<dyn AuthCheck>;

/// The plan for the requests of one rule, or for those that no rule matches.
///
/// One list of checks is enough if its first denial decides. It does not if the checks under `always` only monitor and
/// the rule enforces: the rule must be asked even if a check before it would deny. Its checks are then a second list.
#[derive(Clone)]
pub(super) struct Plan {
    /// The name of the rule; none for requests that no rule matches.
    rule: Option<Arc<str>>,
    always_mode: Mode,
    rule_mode: Mode,
    /// The checks under `always`, and those of the rule unless they are in `then`.
    first: Vec<AnyCheck>,
    /// How many checks of `first` are under `always`.
    always: usize,
    then: Option<Vec<AnyCheck>>,
    /// Whether denials name missing scopes. Then `first` goes on behind a check that names some, and a later check decides:
    /// so it does not where their modes differ.
    names_scopes: bool,
}

impl Plan {
    /// The plans of a policy: one for each rule in order, and that for requests that no rule matches.
    pub(super) fn all(policy: &Policy, checks: &[AnyCheck]) -> Vec<Self> {
        let always: Vec<AnyCheck> = policy.always.iter().map(|expression| of(expression, checks)).collect();
        let plan = |rule: Option<&Rule>| {
            let rule_mode = rule.map_or(Mode::Enforce, |rule| rule.mode.unwrap_or(policy.mode));
            let of_rule = match rule.map(|rule| &rule.verdict) {
                Some(Verdict::Check(expression)) => Some(of(expression, checks)),
                Some(Verdict::Unchecked) | None => None,
            };
            let is_apart = policy.mode == Mode::Monitor && rule_mode == Mode::Enforce && !always.is_empty();
            let (with_always, then) = match of_rule {
                Some(check) if is_apart => (None, Some(vec![check])),
                of_rule => (of_rule, None),
            };
            let names_scopes = always.is_empty() || with_always.is_none() || policy.mode == rule_mode;
            Self {
                names_scopes,
                rule: rule.map(|rule| rule.name.as_str().into()),
                always_mode: policy.mode,
                rule_mode,
                first: always.iter().cloned().chain(with_always).collect(),
                always: always.len(),
                then,
            }
        };
        policy.rules.iter().map(Some).chain([None]).map(plan).collect()
    }

    /// Decides a request, within `deadline` from `start` if there is one.
    pub(super) async fn decide(&self, context: &AuthContext, start: Instant, deadline: Option<Duration>) -> Decided {
        let first = self.within(&self.first, start, deadline).explain(context).await;
        let then = match &self.then {
            Some(checks) if !self.is_final(&first) => Some(self.within(checks, start, deadline).explain(context).await),
            _ => None,
        };
        self.judge(first, then)
    }

    /// Decides requests of one caller, as [`decide`](Self::decide) decides each. The deadline is that of all together.
    pub(super) async fn decide_batch(
        &self,
        contexts: &[AuthContext],
        start: Instant,
        deadline: Option<Duration>,
    ) -> Vec<Decided> {
        let first = self.within(&self.first, start, deadline).explain_batch(contexts).await;
        let Some(checks) = &self.then else {
            return first.into_iter().map(|report| self.judge(report, None)).collect();
        };
        if !first.iter().any(|report| self.is_final(report)) {
            let then = self.within(checks, start, deadline).explain_batch(contexts).await;
            return first.into_iter().zip(then).map(|(first, then)| self.judge(first, Some(then))).collect();
        }
        let mut decided = Vec::with_capacity(first.len());
        for (first, context) in first.into_iter().zip(contexts) {
            let is_final = self.is_final(&first);
            let then = if is_final { None } else { Some(self.within(checks, start, deadline).explain(context).await) };
            decided.push(self.judge(first, then));
        }
        decided
    }

    /// Whether the second list need not be asked, because the first denies.
    fn is_final(&self, first: &Report) -> bool {
        !first.decision.is_allow() && self.mode_of(first).0 == Mode::Enforce
    }

    /// The mode of the check that denied, and whether it is the rule's. A denial of no check in particular is enforced:
    /// no check could be evaluated.
    fn mode_of(&self, first: &Report) -> (Mode, bool) {
        match first.decided_by {
            Some(index) if index < self.always => (self.always_mode, false),
            Some(_) => (self.rule_mode, true),
            None => (Mode::Enforce, false),
        }
    }

    /// Makes the decision of the reports. Every denial denies, unless the part of the policy that it comes from has the
    /// mode `monitor`.
    fn judge(&self, first: Report, then: Option<Report>) -> Decided {
        let mut would_deny = None;
        let mut is_of_rule = true;
        if let Decision::Deny(denial) = &first.decision {
            let (mode, by_rule) = self.mode_of(&first);
            let denial = denial.clone();
            if mode == Mode::Enforce {
                return self.denied(denial, DenialCause::Check, by_rule, first);
            }
            would_deny = Some((denial, DenialCause::Check));
            is_of_rule = by_rule;
        }
        let report = match then {
            Some(then) => joined(first, then),
            // The second list is left out only after a denial that is enforced.
            None if self.then.is_some() => {
                return self.denied(Denial::new(first.id), DenialCause::Check, false, first);
            }
            None => first,
        };
        if self.then.is_some()
            && let Decision::Deny(denial) = &report.decision
        {
            return self.denied(denial.clone(), DenialCause::Check, true, report);
        }
        let Some(rule) = &self.rule else {
            let denial = Denial::new(report.id);
            return match self.always_mode {
                Mode::Enforce => self.denied(denial, DenialCause::NoRule, false, report),
                Mode::Monitor => allowed(report, None, would_deny.or(Some((denial, DenialCause::NoRule)))),
            };
        };
        allowed(report, is_of_rule.then(|| Arc::clone(rule)), would_deny)
    }

    /// A list with what is left of the deadline.
    fn within<'c>(
        &self,
        checks: &'c [AnyCheck],
        start: Instant,
        deadline: Option<Duration>,
    ) -> AuthChecks<'c, AnyCheck> {
        let list = AuthChecks::new(checks);
        let list = if self.names_scopes { list.name_missing_scopes() } else { list };
        let Some(deadline) = deadline else { return list };
        let left = deadline.saturating_sub(start.elapsed()).min(MAX_DEADLINE);
        list.deadline(left).unwrap_or(list)
    }

    fn denied(&self, denial: Denial, cause: DenialCause, by_rule: bool, report: Report) -> Decided {
        let mut decided = Decided::denied(cause);
        decided.id = report.id;
        decided.decision = Decision::Deny(denial);
        decided.rule = if by_rule { self.rule.clone() } else { None };
        decided.report = Some(report);
        decided
    }
}

fn allowed(report: Report, rule: Option<Arc<str>>, would_deny: Option<(Denial, DenialCause)>) -> Decided {
    let mut decided = Decided::denied(DenialCause::NoRule);
    decided.id = report.id;
    decided.report = Some(report);
    decided.rule = rule;
    decided.would_deny = would_deny;
    decided.cause = None;
    decided.decision = Decision::Allow;
    decided
}

/// The report of two lists that were asked one after the other, of which the second decides.
fn joined(first: Report, mut then: Report) -> Report {
    let before = first.checks.len();
    then.decided_by = then.decided_by.map(|index| index + before).or(first.decided_by);
    then.checks.splice(..0, first.checks);
    then.elapsed = then.elapsed.saturating_add(first.elapsed);
    then
}

/// The check of an expression. An index that does not exist is a fault, which a negation does not turn into an allow;
/// no policy that was read has one.
fn of(expression: &Expression, checks: &[AnyCheck]) -> AnyCheck {
    let all = |members: &[Expression]| members.iter().map(|member| of(member, checks)).collect::<Vec<_>>();
    match expression {
        Expression::Check(index) => match checks.get(*index) {
            Some(check) => Arc::clone(check),
            None => {
                Arc::new(native::from_fn("none", |_| Outcome::native_fault("the policy has no check of this index")))
            }
        },
        Expression::All(members) => Arc::new(compose::all_of(all(members))),
        Expression::Any(members) => Arc::new(compose::any_of(all(members))),
        Expression::Not(member) => Arc::new(compose::negate(of(member, checks))),
    }
}
