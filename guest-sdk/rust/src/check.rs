use crate::{AuthContext, AuthorizationError};

/// A check. In a plugin with settings, the type that checks is the type of the settings.
///
/// A check must depend on nothing but its settings and the context. The host may run it in a fresh
/// instance each time, so nothing that it remembers is there at the next call.
pub trait Check {
    /// Answers one request: `Ok(true)` allows, `Ok(false)` denies without a word.
    ///
    /// A panic or any other trap denies too. The caller learns nothing of it; the operator learns
    /// that the check is broken.
    ///
    /// # Errors
    ///
    /// An error denies, and its message reaches the caller.
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError>;

    /// Refuses settings that fit their type and yet make no sense. Only a plugin exported
    /// [`with settings`](crate::export) is asked.
    ///
    /// # Errors
    ///
    /// The text says what is wrong, for the operator. The host then refuses to load the check.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A check that can name the scopes it misses, for a plugin exported [`with step_up`](crate::export).
///
/// To export this is to promise that scopes are the only reason for which the check answers
/// `Ok(false)`.
pub trait StepUp: Check {
    /// The scopes that `ctx` lacks: none if it lacks none, and none without a token, which is an
    /// authentication problem and not one of scopes.
    fn missing_scopes(&self, ctx: &AuthContext) -> Vec<String>;
}
