//! Allows tokens with every scope, up to a limit on one argument of the call.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check, StepUp};
use serde::Deserialize;

/// The settings. The host has validated them against `settings.schema.json`.
#[derive(Debug, Deserialize)]
pub struct Settings {
    scopes: Vec<String>,
    #[serde(default)]
    suspended: Vec<String>,
    limit: Option<Limit>,
}

#[derive(Debug, Deserialize)]
struct Limit {
    argument: String,
    max: i64,
}

impl Check for Settings {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        let Some(token) = ctx.token() else { return Ok(false) };
        if self.suspended.contains(&token.client_id) {
            return Err(AuthorizationError::new(format!("client `{}` is suspended", token.client_id)));
        }
        if !token.has_scopes(&self.scopes) {
            return Ok(false);
        }
        match &self.limit {
            Some(limit) if !ctx.action().ends_with("/list") => limit.check(ctx),
            _ => Ok(true),
        }
    }
}

impl Limit {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        // An argument that is absent or not a number is denied too.
        match ctx.argument(&self.argument).and_then(|argument| argument.as_f64()) {
            Some(number) if number <= self.max as f64 => Ok(true),
            _ => Err(AuthorizationError::new(format!(
                "argument `{}` must be a number of at most {}",
                self.argument, self.max
            ))),
        }
    }
}

impl StepUp for Settings {
    fn missing_scopes(&self, ctx: &AuthContext) -> Vec<String> {
        let mut missing = ctx.token().map(|token| token.missing_scopes(&self.scopes)).unwrap_or_default();
        let mut seen = std::collections::HashSet::new();
        missing.retain(|scope| seen.insert(scope.clone()));
        missing
    }
}

guardhouse_sdk::export!(Settings with settings("../settings.schema.json"), step_up);

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;

    use super::*;

    fn settings() -> Settings {
        let settings =
            r#"{"scopes": ["pay"], "suspended": ["mallory"], "limit": {"argument": "/amount", "max": 1000}}"#;
        serde_json::from_str(settings).unwrap()
    }

    fn call() -> ContextBuilder {
        ContextBuilder::tool("transfer").scopes(["pay"])
    }

    #[test]
    fn a_call_within_the_limit_is_allowed() {
        assert_eq!(settings().check(&call().argument("amount", 1000).build()), Ok(true));
    }

    #[test]
    fn a_call_above_the_limit_is_denied_with_a_message() {
        let error = settings().check(&call().argument("amount", 1001).build()).unwrap_err();
        assert_eq!(error.message, "argument `/amount` must be a number of at most 1000");
    }

    #[test]
    fn a_suspended_client_is_denied_with_a_message() {
        let error = settings().check(&call().client_id("mallory").build()).unwrap_err();
        assert_eq!(error.message, "client `mallory` is suspended");
    }

    #[test]
    fn missing_scopes_are_named() {
        let ctx = ContextBuilder::tool("transfer").scopes(["read"]).build();
        assert_eq!(settings().check(&ctx), Ok(false));
        assert_eq!(settings().missing_scopes(&ctx), ["pay"]);
    }
}
