//! Lists of checks: the entry point of every decision.

use std::time::Duration;

use crate::decision::Decision;
use crate::decision::auth_check::AuthCheck;
use crate::decision::report::Report;
use crate::decision::run::{self, RunOptions};
use crate::request::AuthContext;

/// A list of checks with the options of its runs. [`run_auth_checks`] and [`explain_auth_checks`] are shorthand for
/// this type with defaults.
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
    options: RunOptions,
}

impl<'a, C: AuthCheck> AuthChecks<'a, C> {
    /// The default deadline of a decision: 1 s.
    pub const DEADLINE: Duration = Duration::from_secs(1);

    /// A list of checks. A run evaluates them in order, one at a time, until one does not allow (rule S1).
    #[must_use]
    pub fn new(checks: &'a [C]) -> Self {
        Self { checks, options: RunOptions { deadline: Self::DEADLINE, name_missing_scopes: false } }
    }

    /// Sets the deadline: the wall-clock time of one decision, or of all decisions of a batch together, including the
    /// wait for admission, the making of instances and everything that the checks do. A request that is not decided by
    /// then is denied. The check of a plugin has its own [`Limits::deadline`](crate::Limits::deadline) in addition. A
    /// deadline over one hour is shortened to one hour.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = deadline.min(Duration::from_secs(3_600));
        self
    }

    /// Names missing scopes, for callers that can ask their authorization server for more: if scopes are all that is
    /// missing, the denial names all of them at once (RFC 6750 section 3.1; FastMCP's
    /// `run_auth_checks_with_shortfall`).
    ///
    /// A check that [names missing scopes](AuthCheck::names_missing_scopes) and denies without a message does not end
    /// the run (rule U1); every other check that does not allow ends it, and then no scope is named. If only checks
    /// that name missing scopes denied, the denial names the sorted union of their missing scopes: none that the token
    /// holds, and none at all without a token (rule U2). A check that fails ends the run like any other, and its
    /// missing scopes are ignored.
    #[must_use]
    pub fn name_missing_scopes(mut self) -> Self {
        self.options.name_missing_scopes = true;
        self
    }

    /// Decides one request.
    pub async fn run(&self, context: &AuthContext) -> Decision {
        self.explain(context).await.decision
    }

    /// Like [`run`](Self::run), with the report for the operator.
    pub async fn explain(&self, context: &AuthContext) -> Report {
        run::run(self.checks, context, self.options).await
    }

    /// Decides several requests of one caller together, for example to filter a list. Returns one decision for each
    /// context, in their order, as if each were decided alone. A check may keep an instance from one context to the
    /// next. A fault denies only the context in which it occurs.
    ///
    /// The memory of a plugin may last for the whole batch, so a plugin can relate the contexts of one batch to each
    /// other. Never put the contexts of different callers into one batch.
    pub async fn run_batch(&self, contexts: &[AuthContext]) -> Vec<Decision> {
        self.explain_batch(contexts).await.into_iter().map(|report| report.decision).collect()
    }

    /// Like [`run_batch`](Self::run_batch), with the reports for the operator.
    pub async fn explain_batch(&self, contexts: &[AuthContext]) -> Vec<Report> {
        run::run_batch(self.checks, contexts, self.options).await
    }
}

/// Evaluates the checks in order, one at a time, until one does not allow (rule S1). If all allow, the decision is an
/// allow; an empty list allows (rule S2).
///
/// Every fault denies (rules S4, S5). A request that is not decided within [one second](AuthChecks::DEADLINE) is
/// denied. The future needs a tokio runtime with time enabled; the functions of [`blocking`](crate::blocking) need
/// none.
pub async fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    AuthChecks::new(checks).run(context).await
}

/// Like [`run_auth_checks`], with the report for the operator.
pub async fn explain_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    AuthChecks::new(checks).explain(context).await
}
