//! Composed checks: one check of several, by [`any_of`], [`all_of`] and [`negate`] (rules C1 to C6).
//!
//! A list of checks already requires all of them; write the list itself instead of [`all_of`] where one is enough.
//!
//! ```
//! use guardhouse::{AccessToken, AuthCheck, AuthContext, Component, compose, native, run_auth_checks_blocking};
//!
//! let suspended = native::from_fn("suspended", |ctx: &AuthContext| {
//!     ctx.token.as_ref().is_some_and(|token| token.client_id == "mallory")
//! });
//! let admin_or_owner = compose::any_of([native::require_scopes(["admin"]), native::require_scopes(["owner"])]);
//! let checks: [&dyn AuthCheck; 2] = [&admin_or_owner, &compose::negate(suspended)];
//!
//! let asked_by = |client, scope| {
//!     let context = AuthContext::new(Component::tool("pay")).with_token(AccessToken::new(client, [scope]));
//!     run_auth_checks_blocking(&checks, &context).is_allow()
//! };
//! assert!(asked_by("alice", "owner"));
//! assert!(!asked_by("alice", "read"));
//! assert!(!asked_by("mallory", "admin"));
//! ```

use std::fmt::{self, Write};
use std::time::Duration;

use crate::decision::attempt::{OpenSession, ask, report};
use crate::decision::auth_check::{AuthCheck, DEFAULT_DEADLINE, EvaluationFuture, EvaluationRequest, Session};
use crate::decision::missing_scopes;
use crate::outcome::{CheckReport, Evaluation, Identity, Outcome, Usage};
use crate::util::panic::catch;
use crate::util::text::{Bounded, clip};

/// The maximum depth of composed checks inside each other.
pub const MAX_DEPTH: usize = 16;

/// The maximum length of the name of a composed check that was made of the names of its members, in bytes.
const MAX_ID_BYTES: usize = 300;

/// A check that asks its members in order and stops at the first that allows (rule C3). Without members, it denies.
///
/// If none allows and one failed, it fails; otherwise it denies with the first message that a member gave, or without
/// one. A member that fails beside one that allows is logged, and decides nothing.
pub fn any_of<'a, C: AuthCheck + 'a>(members: impl IntoIterator<Item = C>) -> Composed<'a> {
    Composed::new(Rule::AnyOf, members)
}

/// A check that asks its members in order and stops at the first that does not allow, whose answer it gives (rule C2).
/// Without members, it allows.
pub fn all_of<'a, C: AuthCheck + 'a>(members: impl IntoIterator<Item = C>) -> Composed<'a> {
    Composed::new(Rule::AllOf, members)
}

/// A check that denies without a message if its member allows, and allows if its member denies without a message
/// (rule C1). A denial with a message, and a failure, stay as they are.
pub fn negate<'a>(member: impl AuthCheck + 'a) -> Composed<'a> {
    Composed::new(Rule::Negation, [member])
}

/// A check that is composed of other checks, its members.
pub struct Composed<'a> {
    id: String,
    rule: Rule,
    members: Vec<Box<dyn AuthCheck + 'a>>,
    names_missing_scopes: bool,
    deadline: Duration,
    tenant: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    AnyOf,
    AllOf,
    Negation,
}

impl<'a> Composed<'a> {
    /// The same check with another name for the operator. By default, the name is made of those of the members.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    fn new<C: AuthCheck + 'a>(rule: Rule, members: impl IntoIterator<Item = C>) -> Self {
        let members = members.into_iter().map(|member| Box::new(member) as Box<dyn AuthCheck + 'a>);
        let members: Vec<_> = members.collect();
        let all_name = members.iter().all(|member| catch(|| member.names_missing_scopes()).unwrap_or(false));
        let names_missing_scopes = match rule {
            // Several would name more than the caller needs.
            Rule::AnyOf => members.len() == 1 && all_name,
            Rule::AllOf => !members.is_empty() && all_name,
            Rule::Negation => false,
        };
        let deadlines = members.iter().map(|member| catch(|| member.deadline()).unwrap_or_default());
        let deadline = deadlines.reduce(Duration::saturating_add).unwrap_or(DEFAULT_DEADLINE);
        let id = Bounded::of(MAX_ID_BYTES, |out| {
            out.write_str(rule.name())?;
            for (index, member) in members.iter().enumerate() {
                let id = catch(|| clip(member.id())).unwrap_or_default();
                write!(out, "{}{id}", if index == 0 { "(" } else { ", " })?;
            }
            out.write_str(if members.is_empty() { "()" } else { ")" })
        });
        let mut tenants = members.iter().map(|member| catch(|| member.identity().tenant).ok().flatten());
        let tenant = tenants.next().flatten().filter(|first| tenants.all(|tenant| tenant.as_ref() == Some(first)));
        Self { id, rule, members, names_missing_scopes, deadline, tenant }
    }

    /// Asks the members, in their sessions if there are any.
    async fn decide<'s>(&'s self, request: EvaluationRequest<'_>, mut open: Option<&mut OpenMember<'s>>) -> Evaluation {
        if request.depth >= MAX_DEPTH {
            let reason = format!("composed checks are inside each other more than {MAX_DEPTH} levels deep");
            return Outcome::native_fault(reason).into();
        }
        let name_missing_scopes = request.name_missing_scopes && self.names_missing_scopes;
        let request = EvaluationRequest { depth: request.depth + 1, name_missing_scopes, ..request };
        let mut reports: Vec<CheckReport> = Vec::with_capacity(self.members.len());
        for (index, member) in self.members.iter().enumerate() {
            let mut evaluation = match &mut open {
                Some(open) => open.of(index, &self.members).evaluate(member, request).await,
                None => ask(member, request).await,
            };
            // Those of a composed member are normalized already.
            if evaluation.members.is_empty() {
                let named = std::mem::take(&mut evaluation.missing_scopes);
                evaluation.missing_scopes = missing_scopes::normalize(named, request.context);
            }
            let report = report(member, evaluation);
            let is_last = self.rule.ends_with(&report.evaluation.outcome);
            reports.push(report);
            if is_last {
                break;
            }
        }
        let outcome = self.rule.outcome(&reports);
        let missing_scopes = match (&outcome, reports.last()) {
            (Outcome::Denied, Some(last)) if name_missing_scopes => last.evaluation.missing_scopes.clone(),
            _ => Vec::new(),
        };
        let usage = reports.iter().map(|report| report.evaluation.usage).fold(Usage::default(), Usage::plus);
        Evaluation { missing_scopes, usage, members: reports, ..Evaluation::from(outcome) }
    }
}

impl AuthCheck for Composed<'_> {
    fn id(&self) -> &str {
        &self.id
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.decide(request, None))
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(ComposedSession { check: self, open: OpenMember::default() })
    }

    fn names_missing_scopes(&self) -> bool {
        self.names_missing_scopes
    }

    /// The sum of the deadlines that the members had when the check was composed, or the default without members.
    fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The tenant that owns all members, if there is one. The reports of the members have their own identities.
    fn identity(&self) -> Identity {
        Identity { tenant: self.tenant.clone(), ..Identity::default() }
    }
}

impl fmt::Debug for Composed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composed").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::AnyOf => "any_of",
            Self::AllOf => "all_of",
            Self::Negation => "negate",
        }
    }

    /// Whether no member is asked after one with this outcome.
    fn ends_with(self, outcome: &Outcome) -> bool {
        match self {
            Self::AnyOf => *outcome == Outcome::Allow,
            Self::AllOf | Self::Negation => *outcome != Outcome::Allow,
        }
    }

    /// The answer, given the evaluations of all members that were asked.
    fn outcome(self, reports: &[CheckReport]) -> Outcome {
        let outcomes = || reports.iter().map(|report| &report.evaluation.outcome);
        match self {
            Self::AllOf => outcomes().find(|outcome| **outcome != Outcome::Allow).cloned().unwrap_or(Outcome::Allow),
            Self::AnyOf if outcomes().any(|outcome| *outcome == Outcome::Allow) => Outcome::Allow,
            Self::AnyOf => {
                let failed = outcomes().find(|outcome| matches!(outcome, Outcome::Failed(_)));
                let with_message = || outcomes().find(|outcome| matches!(outcome, Outcome::DeniedWithMessage(_)));
                failed.or_else(with_message).cloned().unwrap_or(Outcome::Denied)
            }
            Self::Negation => match outcomes().next() {
                Some(Outcome::Allow) => Outcome::Denied,
                Some(Outcome::Denied) => Outcome::Allow,
                Some(other @ (Outcome::DeniedWithMessage(_) | Outcome::Failed(_))) => other.clone(),
                None => Outcome::native_fault("a negation without a member"),
            },
        }
    }
}

struct ComposedSession<'a> {
    check: &'a Composed<'a>,
    open: OpenMember<'a>,
}

impl Session for ComposedSession<'_> {
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.check.decide(request, Some(&mut self.open)))
    }
}

/// The session of one member. Only the member that was asked last has one: it may hold an instance, and while it does,
/// another member must not wait for an instance of its own, because many such batches would wait for each other.
#[derive(Default)]
struct OpenMember<'a>(Option<(usize, OpenSession<'a>)>);

impl<'a> OpenMember<'a> {
    /// The session of a member. That of another member ends before.
    fn of(&mut self, index: usize, members: &'a [Box<dyn AuthCheck + 'a>]) -> &mut OpenSession<'a> {
        if let Some((last, mut session)) = self.0.take_if(|(last, _)| *last != index)
            && let Some(member) = members.get(last)
        {
            session.end(member);
        }
        &mut self.0.get_or_insert_with(|| (index, OpenSession::new())).1
    }
}
