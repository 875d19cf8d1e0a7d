//! A check under another name.

use std::time::Duration;

use guardhouse::{AuthCheck, EvaluationFuture, EvaluationRequest, Identity, Session};

/// A check under another name.
pub(crate) struct Named {
    id: String,
    check: Box<dyn AuthCheck>,
}

impl Named {
    pub(crate) fn new(id: String, check: Box<dyn AuthCheck>) -> Self {
        Self { id, check }
    }
}

impl AuthCheck for Named {
    fn id(&self) -> &str {
        &self.id
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        self.check.evaluate(request)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        self.check.session()
    }

    fn names_missing_scopes(&self) -> bool {
        self.check.names_missing_scopes()
    }

    fn deadline(&self) -> Duration {
        self.check.deadline()
    }

    fn identity(&self) -> Identity {
        self.check.identity()
    }
}
