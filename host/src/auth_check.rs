//! What a check is, whoever wrote it and wherever it runs.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::context::AuthContext;
use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::outcome::Evaluation;

/// What [`AuthCheck::evaluate`] returns.
pub type EvaluationFuture<'a> = Pin<Box<dyn Future<Output = Evaluation> + Send + 'a>>;

/// Something that answers requests: a [`Check`](crate::Check), a [native](crate::native) one, or your own. They mix in one list.
pub trait AuthCheck: Send + Sync {
    /// The name that the operator knows it by.
    fn id(&self) -> &str;

    /// Answers one request. A panic is a fault of the check, and denies.
    fn evaluate<'a>(&'a self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a>;

    /// Begins a batch: requests that are asked one after the other and decided together. What a session keeps between
    /// them must make it cheaper and nothing else: each is answered as [`evaluate`](Self::evaluate) would answer it.
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(Each(self))
    }

    /// Whether scopes are the only reason for which it denies without a word, and it can name them (rule U1).
    fn names_missing_scopes(&self) -> bool {
        false
    }

    /// What it is, for the record of decisions.
    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }
}

/// A check for the length of one batch.
pub trait Session: Send {
    /// Answers one request of the batch. After a panic the session is not asked again.
    fn evaluate<'a>(&'a mut self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a>;
}

/// The session of a check that has nothing to gain from one.
struct Each<'a, C: ?Sized>(&'a C);

impl<C: AuthCheck + ?Sized> Session for Each<'_, C> {
    fn evaluate<'a>(&'a mut self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        self.0.evaluate(inquiry)
    }
}

/// What is asked of a check.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRequest<'a> {
    /// The request.
    pub context: &'a AuthContext,
    /// The decision that the answer is for.
    pub decision: DecisionId,
    /// Whether a scope-aware check that denies shall name the scopes it misses.
    pub name_missing_scopes: bool,
    /// When the decision must be there. A check that is not done by then has failed; only one that never yields to its
    /// runtime is waited for.
    pub end: Instant,
}

/// What a check is, for the record of decisions (rule S8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Whose check it is.
    pub tenant: Option<&'a str>,
    /// The digest of its plugin; none for a native check.
    pub plugin: Option<Digest>,
    /// The digest of its settings; none without settings.
    pub settings: Option<Digest>,
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<C: AuthCheck + ?Sized> AuthCheck for $pointer {
            fn id(&self) -> &str {
                (**self).id()
            }

            fn evaluate<'a>(&'a self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
                (**self).evaluate(inquiry)
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
