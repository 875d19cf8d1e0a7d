//! A list of checks, and how it is asked.

use std::time::Duration;

use crate::auth_check::AuthCheck;
use crate::context::AuthContext;
use crate::decision::Decision;
use crate::report::Report;
use crate::run::{self, Manner};

/// A list of checks, and how it is asked: [`run_auth_checks`] and its likes are short for one of these with every
/// default.
///
/// ```
/// # use guardhouse::{AuthChecks, AuthContext, Component, blocking, native};
/// # use std::time::Duration;
/// let checks = [native::from_fn("no-secrets", |ctx: &AuthContext| !ctx.component.has_tag("secret"))];
/// let checks = AuthChecks::new(&checks).deadline(Duration::from_millis(50));
///
/// // Which of these may be shown?
/// let contexts = ["search", "pay"].map(|name| AuthContext::new(Component::new("tool", name)));
/// let reports = blocking::explain_batch(&checks, &contexts);
/// assert!(reports.iter().all(|report| report.decision.is_allow()));
/// ```
#[derive(Debug)]
pub struct AuthChecks<'a, C> {
    checks: &'a [C],
    manner: Manner,
}

impl<'a, C: AuthCheck> AuthChecks<'a, C> {
    /// The deadline of a decision, if nobody says otherwise: 1 s.
    pub const DEADLINE: Duration = Duration::from_secs(1);

    /// Checks that are asked in the order given, one at a time, until one does not allow (rule S1).
    #[must_use]
    pub fn new(checks: &'a [C]) -> Self {
        Self { checks, manner: Manner { deadline: Self::DEADLINE, name_missing_scopes: false } }
    }

    /// Wall-clock time of one decision, or of all decisions of a batch together: waiting for room, making instances,
    /// and everything that the checks do. What is not decided by then is denied. Each plugin has its own
    /// [`Limits::deadline`](crate::Limits::deadline) besides. At most an hour.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.manner.deadline = deadline.min(Duration::from_secs(3_600));
        self
    }

    /// Names missing scopes, for callers that can ask their authorization server for more: if scopes are all that is
    /// missing, the denial names all of them at once (RFC 6750 section 3.1; FastMCP's `run_auth_checks_with_shortfall`).
    ///
    /// A check that [names missing scopes](AuthCheck::names_missing_scopes) and denies without a message does not end
    /// the run (rule U1); every other check that does not allow ends it, and then no scope is named. If only checks
    /// that name missing scopes denied, the denial names the sorted union of their missing scopes: none that the token
    /// holds, and none at all without a token (rule U2). A check that fails ends the run like any other, and its
    /// missing scopes are ignored.
    #[must_use]
    pub fn name_missing_scopes(mut self) -> Self {
        self.manner.name_missing_scopes = true;
        self
    }

    /// Decides on one request.
    pub async fn run(&self, context: &AuthContext) -> Decision {
        self.explain(context).await.decision
    }

    /// Like [`run`](Self::run), with everything the operator may know.
    pub async fn explain(&self, context: &AuthContext) -> Report {
        run::run(self.checks, context, self.manner).await
    }

    /// Decides on several things at once that are asked for together, as when a list is filtered: one decision for
    /// each context, in their order, and the same as one by one. A check keeps what it can from one to the next, and a
    /// fault is the matter of one context only.
    ///
    /// What a plugin keeps in its memory lasts for the batch, and no longer: one that wants to can tell apart contexts
    /// that are decided together. Never put those of different callers into one batch.
    pub async fn run_batch(&self, contexts: &[AuthContext]) -> Vec<Decision> {
        self.explain_batch(contexts).await.into_iter().map(|report| report.decision).collect()
    }

    /// Like [`run_batch`](Self::run_batch), with everything the operator may know.
    pub async fn explain_batch(&self, contexts: &[AuthContext]) -> Vec<Report> {
        run::run_batch(self.checks, contexts, self.manner).await
    }
}

/// Asks each check in the order given, one at a time, until one does not allow (rule S1). All allow: allow; an empty
/// list allows (rule S2).
///
/// Whatever goes wrong is a denial (rules S4, S5), and so is what is not decided within
/// [a second](AuthChecks::DEADLINE). Runs on a tokio runtime with time enabled; see [`blocking`](crate::blocking) for
/// the same without.
pub async fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    AuthChecks::new(checks).run(context).await
}

/// Like [`run_auth_checks`], with everything the operator may know.
pub async fn explain_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    AuthChecks::new(checks).explain(context).await
}
