pub use crate::bindings::guardhouse::auth::types::{AccessToken, AuthorizationError, Component};

impl AccessToken {
    /// Whether the token holds `scope`, compared by code point.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether the token holds all `scopes`; true if there are none.
    pub fn has_scopes<S: AsRef<str>>(&self, scopes: impl IntoIterator<Item = S>) -> bool {
        scopes.into_iter().all(|scope| self.has_scope(scope.as_ref()))
    }

    /// The scopes among `scopes` that the token lacks, in the order given.
    pub fn missing_scopes<S: AsRef<str>>(&self, scopes: impl IntoIterator<Item = S>) -> Vec<String> {
        scopes
            .into_iter()
            .filter(|scope| !self.has_scope(scope.as_ref()))
            .map(|scope| scope.as_ref().to_owned())
            .collect()
    }
}

impl Component {
    /// Whether the component has `tag`, compared by code point.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|carried| carried == tag)
    }
}

impl AuthorizationError {
    /// A denial with a message, which reaches the caller unchanged.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
