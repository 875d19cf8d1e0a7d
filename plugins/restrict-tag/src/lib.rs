//! Asks for scopes only where the component carries a tag.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check, StepUp};
use schemars::JsonSchema;
use serde::Deserialize;

/// Allows every access to a component without the tag, even with no token. A component with the tag
/// takes a token that holds every one of the scopes; without scopes, any token will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestrictTag {
    /// The tag of the components to restrict, compared as it is: by code point.
    pub tag: String,
    /// The scopes that a token must hold, compared as they are: by code point.
    pub scopes: Vec<String>,
}

impl Check for RestrictTag {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        let restricted = ctx.component().has_tag(&self.tag);
        Ok(!restricted || ctx.token().is_some_and(|token| token.has_scopes(&self.scopes)))
    }
}

impl StepUp for RestrictTag {
    fn missing_scopes(&self, ctx: &AuthContext) -> Vec<String> {
        match ctx.token() {
            Some(token) if ctx.component().has_tag(&self.tag) => token.missing_scopes(&self.scopes),
            _ => Vec::new(),
        }
    }
}

guardhouse_sdk::export!(RestrictTag with settings("../schema.json"), step_up);
