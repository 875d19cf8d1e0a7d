//! Asks for scopes where the component carries a tag.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check, StepUp};
use schemars::JsonSchema;
use serde::Deserialize;

/// Allows tokens that hold every one of the scopes, and where the component does not carry the tag, everybody.
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

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::{ContextBuilder, assert_schema};

    use super::*;

    fn restrict(scopes: &[&str]) -> RestrictTag {
        RestrictTag { tag: "admin".to_owned(), scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }
    }

    fn tagged() -> ContextBuilder {
        ContextBuilder::tool("delete").tags(["x", "admin"])
    }

    #[test]
    fn a_component_without_the_tag_is_open_to_everybody() {
        assert_eq!(restrict(&["write"]).check(&ContextBuilder::tool("delete").build()), Ok(true));
        assert_eq!(restrict(&["write"]).check(&ContextBuilder::tool("delete").tags(["Admin"]).build()), Ok(true));
    }

    #[test]
    fn a_component_with_the_tag_takes_every_scope() {
        assert_eq!(restrict(&["write"]).check(&tagged().scopes(["write", "read"]).build()), Ok(true));
        assert_eq!(restrict(&["write"]).check(&tagged().scopes(["read"]).build()), Ok(false));
        assert_eq!(restrict(&["write"]).check(&tagged().build()), Ok(false));
    }

    #[test]
    fn a_component_with_the_tag_takes_a_token_even_with_no_scopes() {
        assert_eq!(restrict(&[]).check(&tagged().token().build()), Ok(true));
        assert_eq!(restrict(&[]).check(&tagged().build()), Ok(false));
    }

    #[test]
    fn missing_scopes_are_named_only_where_they_are_needed() {
        let check = restrict(&["read", "write"]);
        assert_eq!(check.missing_scopes(&tagged().scopes(["read"]).build()), ["write"]);
        assert!(check.missing_scopes(&tagged().build()).is_empty());
        assert!(check.missing_scopes(&ContextBuilder::tool("delete").token().build()).is_empty());
    }

    #[test]
    fn the_schema_file_is_the_derived_schema() {
        assert_schema::<RestrictTag>(include_str!("../schema.json"));
    }
}
