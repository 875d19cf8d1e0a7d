use crate::{AuthContext, AuthorizationError};

/// A check. In a plugin with settings, it is implemented for the type of the settings.
///
/// A check must depend only on its settings and the context. The host may evaluate each request in a
/// new instance, so a check cannot keep state for the next call.
pub trait Check {
    /// Answers one request: `Ok(true)` allows, `Ok(false)` denies without a message.
    ///
    /// A panic or any other trap denies too. The caller does not see it; the operator's log shows
    /// that the check failed.
    ///
    /// # Errors
    ///
    /// An error denies, and its message reaches the caller.
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError>;

    /// Rejects settings that match their type but make no sense. It is called only in plugins that
    /// are exported [`with settings`](crate::export).
    ///
    /// # Errors
    ///
    /// The text says what is wrong, for the operator. The host then does not make the check.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A check that can name missing scopes, for plugins exported [`with step_up`](crate::export).
///
/// A plugin that exports it promises that missing scopes are the only reason why the check returns
/// `Ok(false)`.
pub trait StepUp: Check {
    /// The scopes that `ctx` lacks. It must return none without a token, because the caller must
    /// authenticate first. Each is a scope token (RFC 6749 section 3.3) or a text of the settings: any
    /// other text is a fault.
    fn missing_scopes(&self, ctx: &AuthContext) -> Vec<String>;
}
