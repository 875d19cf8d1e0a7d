//! Lists of checks: the entry point of every decision.

use std::fmt;
use std::time::Duration;

use crate::decision::Decision;
use crate::decision::auth_check::{AuthCheck, MAX_DEADLINE};
use crate::decision::report::Report;
use crate::decision::run::{self, RunOptions};
use crate::request::AuthContext;
use crate::util::block_on::block_on;

/// A list of checks with the options of its runs: the entry point of every decision. [`run_auth_checks`] is shorthand
/// for a list with defaults.
///
/// Each entry point has an async form and a blocking one. The async forms need a tokio runtime with time enabled. The
/// blocking forms may be called anywhere; inside an async runtime they block a thread of the runtime.
///
/// ```
/// # use guardhouse::{AuthChecks, AuthContext, Component, native};
/// # use std::time::Duration;
/// let checks = [native::from_fn("no-secrets", |ctx: &AuthContext| !ctx.component.has_tag("secret"))];
/// let checks = AuthChecks::new(&checks).deadline(Duration::from_millis(50))?;
///
/// // Which of these may be shown?
/// let contexts = ["search", "pay"].map(|name| AuthContext::new(Component::tool(name)));
/// let decisions = checks.run_batch_blocking(&contexts);
/// assert!(decisions.iter().all(|decision| decision.is_allow()));
///
/// // Why?
/// let report = checks.explain_blocking(&contexts[0]);
/// println!("{}", serde_json::to_string(&report)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AuthChecks<'a, C> {
    checks: &'a [C],
    options: RunOptions,
}

impl<'a, C: AuthCheck> AuthChecks<'a, C> {
    /// A list of checks. A run evaluates them in order, one at a time, until one does not allow (rule S1). If all
    /// allow, the decision is an allow; an empty list allows (rule S2).
    #[must_use]
    pub fn new(checks: &'a [C]) -> Self {
        Self { checks, options: RunOptions { deadline: None, name_missing_scopes: false } }
    }

    /// Sets the deadline: the wall-clock time of one decision, or of all decisions of a batch together, including the
    /// wait for admission, the making of instances and everything that the checks do. A request that is not decided by
    /// then is denied. The check of a plugin has its own [`Limits::deadline`](crate::Limits::deadline) in addition.
    /// Default: the sum of the [deadlines of the checks](AuthCheck::deadline), but at least
    /// [`DEFAULT_DEADLINE`](crate::DEFAULT_DEADLINE) and at most [`MAX_DEADLINE`].
    ///
    /// # Errors
    /// [`DeadlineError`] for a deadline over [`MAX_DEADLINE`].
    pub fn deadline(mut self, deadline: Duration) -> Result<Self, DeadlineError> {
        if deadline > MAX_DEADLINE {
            return Err(DeadlineError { found: deadline });
        }
        self.options.deadline = Some(deadline);
        Ok(self)
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
    pub async fn run(self, context: &AuthContext) -> Decision {
        self.explain(context).await.decision
    }

    /// The blocking form of [`run`](Self::run).
    pub fn run_blocking(self, context: &AuthContext) -> Decision {
        self.explain_blocking(context).decision
    }

    /// Like [`run`](Self::run), with the report for the operator.
    pub async fn explain(self, context: &AuthContext) -> Report {
        run::run(self.checks, context, self.options).await
    }

    /// The blocking form of [`explain`](Self::explain).
    pub fn explain_blocking(self, context: &AuthContext) -> Report {
        block_on(self.explain(context)).unwrap_or_else(|error| run::denied_unasked(&error))
    }

    /// Decides several requests of one caller together, for example to filter a list. Returns one decision for each
    /// context, in their order, as if each were decided alone. A check may keep an instance from one context to the
    /// next. A fault denies only the context in which it occurs.
    ///
    /// The memory of a plugin may last for the whole batch, so a plugin can relate the contexts of one batch to each
    /// other. Never put the contexts of different callers into one batch.
    pub async fn run_batch(self, contexts: &[AuthContext]) -> Vec<Decision> {
        decisions(self.explain_batch(contexts).await)
    }

    /// The blocking form of [`run_batch`](Self::run_batch).
    #[must_use]
    pub fn run_batch_blocking(self, contexts: &[AuthContext]) -> Vec<Decision> {
        decisions(self.explain_batch_blocking(contexts))
    }

    /// Like [`run_batch`](Self::run_batch), with the reports for the operator.
    pub async fn explain_batch(self, contexts: &[AuthContext]) -> Vec<Report> {
        run::run_batch(self.checks, contexts, self.options).await
    }

    /// The blocking form of [`explain_batch`](Self::explain_batch).
    #[must_use]
    pub fn explain_batch_blocking(self, contexts: &[AuthContext]) -> Vec<Report> {
        block_on(self.explain_batch(contexts))
            .unwrap_or_else(|error| contexts.iter().map(|_| run::denied_unasked(&error)).collect())
    }
}

fn decisions(reports: Vec<Report>) -> Vec<Decision> {
    reports.into_iter().map(|report| report.decision).collect()
}

// Derived implementations would require the same of the checks.
impl<C> Clone for AuthChecks<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for AuthChecks<'_, C> {}

/// Shows the ids of the checks.
impl<C: AuthCheck> fmt::Debug for AuthChecks<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.checks.iter().map(AuthCheck::id).collect();
        f.debug_struct("AuthChecks").field("checks", &ids).field("options", &self.options).finish()
    }
}

/// A deadline that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the deadline of a decision is {found:?}, over the maximum of {MAX_DEADLINE:?}")]
pub struct DeadlineError {
    found: Duration,
}

/// Decides one request, in the shape of FastMCP's `run_auth_checks`: evaluates the checks in order, one at a time, until
/// one does not allow (rule S1). If all allow, the decision is an allow; an empty list allows (rule S2).
///
/// Every fault denies (rules S4, S5). A request that is not decided within the
/// [default deadline](AuthChecks::deadline) is denied. The future needs a tokio runtime with time enabled; [`run_auth_checks_blocking`] needs none.
///
/// ```
/// use guardhouse::{AccessToken, AuthContext, Component, Decision, native, run_auth_checks};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let checks = [native::require_auth(), native::require_scopes(["read"])];
/// let context = AuthContext::new(Component::tool("search")).with_token(AccessToken::new("alice", ["read"]));
/// assert_eq!(run_auth_checks(&checks, &context).await, Decision::Allow);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    AuthChecks::new(checks).run(context).await
}

/// The blocking form of [`run_auth_checks`].
pub fn run_auth_checks_blocking<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    AuthChecks::new(checks).run_blocking(context)
}
