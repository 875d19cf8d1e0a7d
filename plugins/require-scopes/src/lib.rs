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

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::{ContextBuilder, assert_schema};

    use super::*;

    fn require(scopes: &[&str]) -> RequireScopes {
        RequireScopes { scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }
    }

    #[test]
    fn every_scope_must_be_held() {
        let ctx = ContextBuilder::tool("delete").scopes(["read", "write"]).build();
        assert_eq!(require(&["write", "read", "read"]).check(&ctx), Ok(true));
        assert_eq!(require(&["write", "admin"]).check(&ctx), Ok(false));
        assert_eq!(require(&["Write"]).check(&ctx), Ok(false));
        assert_eq!(require(&[""]).check(&ctx), Ok(false));
    }

    #[test]
    fn with_no_scopes_any_token_will_do() {
        assert_eq!(require(&[]).check(&ContextBuilder::tool("delete").token().build()), Ok(true));
        assert_eq!(require(&[]).check(&ContextBuilder::tool("delete").build()), Ok(false));
    }

    #[test]
    fn missing_scopes_are_named_only_to_a_token() {
        let check = require(&["read", "write"]);
        let ctx = ContextBuilder::tool("delete").scopes(["read"]).build();
        assert_eq!(check.missing_scopes(&ctx), ["write"]);
        assert!(check.missing_scopes(&ContextBuilder::tool("delete").build()).is_empty());
    }

    #[test]
    fn the_schema_file_is_the_derived_schema() {
        assert_schema::<RequireScopes>(include_str!("../schema.json"));
    }
}
