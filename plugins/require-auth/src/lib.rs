//! Allows every caller that is authenticated.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};

/// Allows if a token is present; nothing else is looked at.
#[derive(Debug, Default)]
pub struct RequireAuth;

impl Check for RequireAuth {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(ctx.token().is_some())
    }
}

guardhouse_sdk::export!(RequireAuth);
