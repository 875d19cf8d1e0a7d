//! Allows tokens that hold every scope of the settings.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check, StepUp};
use schemars::JsonSchema;
use serde::Deserialize;

/// Allows tokens that hold every one of the scopes. Without scopes, any token will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireScopes {
    /// The scopes that a token must hold, compared as they are: by code point.
    pub scopes: Vec<String>,
}

impl Check for RequireScopes {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(ctx.token().is_some_and(|token| token.has_scopes(&self.scopes)))
    }
}

impl StepUp for RequireScopes {
    fn missing_scopes(&self, ctx: &AuthContext) -> Vec<String> {
        ctx.token().map(|token| token.missing_scopes(&self.scopes)).unwrap_or_default()
    }
}

guardhouse_sdk::export!(RequireScopes with settings("../schema.json"), step_up);
