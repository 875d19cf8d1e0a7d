//! Allows every caller that is authenticated.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};

/// Allows if there is a token. Nothing else is looked at: the component that verified it has checked its expiry.
#[derive(Debug, Default)]
pub struct RequireAuth;

impl Check for RequireAuth {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(ctx.token().is_some())
    }
}

guardhouse_sdk::export!(RequireAuth);

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;

    use super::*;

    #[test]
    fn any_token_will_do() {
        assert_eq!(RequireAuth.check(&ContextBuilder::tool("delete").token().build()), Ok(true));
        assert_eq!(RequireAuth.check(&ContextBuilder::tool("delete").expires_at(0).now(1).build()), Ok(true));
    }

    #[test]
    fn no_token_is_denied() {
        assert_eq!(RequireAuth.check(&ContextBuilder::tool("delete").build()), Ok(false));
    }
}
