//! The interface of every check: checks of plugins, native checks and your own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::outcome::Evaluation;
use crate::request::AuthContext;

/// The future that [`AuthCheck::evaluate`] returns. The run drops it at the deadline of the decision.
pub type EvaluationFuture<'a> = Pin<Box<dyn Future<Output = Evaluation> + Send + 'a>>;

/// A check: a [`Check`](crate::Check) of a plugin, a [native](crate::native) one, or your own. One list may mix them.
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

    /// The origin of the check, for the record of decisions.
    fn identity(&self) -> Identity<'_> {
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
pub struct EvaluationRequest<'a> {
    /// The context of the request.
    pub context: &'a AuthContext,
    /// The id of the decision that the answer contributes to.
    pub decision: DecisionId,
    /// Whether a check that denies for lack of scopes must name the missing ones.
    pub name_missing_scopes: bool,
    /// The deadline of the decision. A check that is not done by then fails; only a check that never yields to its
    /// runtime delays the decision further.
    pub end: Instant,
}

/// The origin of a check, for the record of decisions (rule S8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The name of the tenant that owns the check, or `None` without a tenant.
    pub tenant: Option<&'a str>,
    /// The digest of the plugin, or `None` for a native check.
    pub plugin: Option<Digest>,
    /// The digest of the settings, or `None` without settings.
    pub settings: Option<Digest>,
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

            fn identity(&self) -> Identity<'_> {
                (**self).identity()
            }
        }
    )*};
}

forward!(&C, Box<C>, Arc<C>);
