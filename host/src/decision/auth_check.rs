//! The interface of every check: checks of plugins, native checks and your own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decision::DecisionId;
use crate::outcome::{Evaluation, Identity};
use crate::request::AuthContext;

/// The future that [`AuthCheck::evaluate`] returns. It is dropped shortly after
/// [`EvaluationRequest::end`] if it is not ready by then.
pub type EvaluationFuture<'a> = Pin<Box<dyn Future<Output = Evaluation> + Send + 'a>>;

/// The default deadline of a check for one request: 10 s of wall-clock time.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// The maximum deadline of a check, and of a decision: 1 hour.
pub const MAX_DEADLINE: Duration = Duration::from_secs(3_600);

/// A check: a [`Check`](crate::Check) of a plugin, a [native](crate::native) one, or your own. One list may mix them.
///
/// ```
/// use guardhouse::{AuthCheck, AuthChecks, AuthContext, Component, EvaluationFuture, EvaluationRequest, Outcome};
///
/// /// Allows if a token exists, and is known to the company's directory.
/// struct InDirectory(Directory);
///
/// # struct Directory;
/// # impl Directory {
/// #     async fn contains(&self, client: &str) -> Result<bool, std::io::Error> { Ok(client == "alice-laptop") }
/// # }
/// impl AuthCheck for InDirectory {
///     fn id(&self) -> &str {
///         "in-directory"
///     }
///
///     fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
///         Box::pin(async move {
///             let Some(token) = &request.context.token else { return Outcome::Denied.into() };
///             match self.0.contains(&token.client_id).await {
///                 Ok(found) => Outcome::from(found).into(),
///                 // A check that cannot answer fails, which denies. Only the operator sees the reason.
///                 Err(error) => Outcome::native_fault(error).into(),
///             }
///         })
///     }
/// }
///
/// let context = AuthContext::new(Component::tool("search"));
/// assert!(!AuthChecks::new(&[InDirectory(Directory)]).run_blocking(&context).is_allow());
/// ```
pub trait AuthCheck: Send + Sync {
    /// The name of the check, for the operator.
    fn id(&self) -> &str;

    /// Evaluates one request. A panic is a fault of the check, which denies. The future is dropped, and the check
    /// fails, if it is not ready shortly after [`EvaluationRequest::end`].
    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a>;

    /// Begins a batch: several requests that are evaluated one after the other and decided together. A session may keep
    /// state between them only to be faster: each answer must be the one that [`evaluate`](Self::evaluate) would give.
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(Stateless(self))
    }

    /// Whether the check names missing scopes: it denies without a message only for lack of scopes, and can name them
    /// (rule U1).
    fn names_missing_scopes(&self) -> bool {
        false
    }

    /// The wall-clock time of one evaluation: [`EvaluationRequest::end`] is this long after its start, or at the
    /// [deadline of the decision](crate::AuthChecks::deadline) if that is earlier. For the check of a plugin it is
    /// [`Limits::deadline`](crate::Limits::deadline). Default: [`DEFAULT_DEADLINE`].
    fn deadline(&self) -> Duration {
        DEFAULT_DEADLINE
    }

    /// The origin of the check, for the record of decisions.
    fn identity(&self) -> Identity {
        Identity::default()
    }
}

/// A check for the length of one batch.
pub trait Session: Send {
    /// Evaluates one request of the batch. After a panic the session is not used again.
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a>;
}

/// The default session, which keeps nothing between requests.
struct Stateless<'a, C: ?Sized>(&'a C);

impl<C: AuthCheck + ?Sized> Session for Stateless<'_, C> {
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        self.0.evaluate(request)
    }
}

/// One request to a check.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EvaluationRequest<'a> {
    /// The context of the request.
    pub context: &'a AuthContext,
    /// The id of the decision that the answer contributes to.
    pub decision: DecisionId,
    /// Whether a check that denies for lack of scopes must name the missing ones.
    pub name_missing_scopes: bool,
    /// The deadline of the evaluation. A check that is not done by then fails; only a check that never yields to its
    /// runtime delays the decision further.
    pub end: Instant,
    /// The number of composed checks around the check.
    pub(super) depth: usize,
}

impl<'a> EvaluationRequest<'a> {
    /// A request of its own: with a new decision id and a deadline of [10 s](DEFAULT_DEADLINE), and without
    /// naming missing scopes. It is for calling a check directly, for example in a test.
    #[must_use]
    pub fn new(context: &'a AuthContext) -> Self {
        let end = Instant::now() + DEFAULT_DEADLINE;
        Self { context, decision: DecisionId::random(), name_missing_scopes: false, end, depth: 0 }
    }

    /// The same request for another decision, for example one that is replayed.
    #[must_use]
    pub fn with_decision(mut self, decision: DecisionId) -> Self {
        self.decision = decision;
        self
    }

    /// The same request, with missing scopes to be named.
    #[must_use]
    pub fn name_missing_scopes(mut self) -> Self {
        self.name_missing_scopes = true;
        self
    }

    /// The same request with another deadline.
    #[must_use]
    pub fn until(mut self, end: Instant) -> Self {
        self.end = end;
        self
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<C: AuthCheck + ?Sized> AuthCheck for $pointer {
            fn id(&self) -> &str {
                (**self).id()
            }

            fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
                (**self).evaluate(request)
            }

            fn session(&self) -> Box<dyn Session + '_> {
                (**self).session()
            }

            fn names_missing_scopes(&self) -> bool {
                (**self).names_missing_scopes()
            }

            fn deadline(&self) -> Duration {
                (**self).deadline()
            }

            fn identity(&self) -> Identity {
                (**self).identity()
            }
        }
    )*};
}

forward!(&C, Box<C>, Arc<C>);
