//! Selectors: the requests that a rule matches.

use guardhouse::AuthContext;

/// The part of a request that selectors read, in its normal form.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    context: &'a AuthContext,
}

impl<'a> Target<'a> {
    /// The target of a request.
    ///
    /// # Errors
    /// [`NotNormal`] if a part of the request has no normal form, so that two readers could understand it differently.
    pub fn of(context: &'a AuthContext) -> Result<Self, NotNormal> {
        Ok(Self { context })
    }
}

/// A request without a normal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} has no normal form: {reason}")]
pub struct NotNormal {
    /// The part: `component.name`.
    pub part: &'static str,
    /// The reason.
    pub reason: &'static str,
}

/// A selector. A request must match all of its parts; a selector without parts matches every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// The kinds of the component, of which one must match.
    pub kinds: Vec<String>,
}

impl Selector {
    /// Whether a request matches.
    #[must_use]
    pub fn matches(&self, target: &Target<'_>) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&target.context.component.kind)
    }
}
