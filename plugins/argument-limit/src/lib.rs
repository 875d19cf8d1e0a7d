//! Limits a number among the arguments of a call.

mod exceeds;

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Number;

use exceeds::exceeds;

/// Allows a call if an argument is a number and not above the limit. A list calls nothing and is allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentLimit {
    /// The argument, as a JSON pointer (RFC 6901), for example `/amount`.
    #[schemars(regex(pattern = "^(/([^/~]|~[01])*)*$"))]
    pub argument: String,
    /// The largest number that is allowed.
    pub max: Number,
}

impl Check for ArgumentLimit {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        if ctx.action().ends_with("/list") {
            return Ok(true);
        }
        match ctx.argument_as::<Number>(&self.argument) {
            Ok(Some(number)) if !exceeds(&number, &self.max) => Ok(true),
            _ => Err(AuthorizationError::new(format!(
                "argument `{}` must be a number of at most {}",
                self.argument, self.max
            ))),
        }
    }
}

guardhouse_sdk::export!(ArgumentLimit with settings("../schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::{ContextBuilder, assert_schema};
    use serde_json::{Value, json};

    use super::*;

    fn answer(arguments: Value) -> Result<bool, AuthorizationError> {
        let check = ArgumentLimit { argument: "/amount".to_owned(), max: 1000.into() };
        check.check(&ContextBuilder::tool("transfer").arguments(arguments).build())
    }

    #[test]
    fn a_number_up_to_the_limit_is_allowed() {
        for amount in [json!(1000), json!(999.99), json!(0), json!(-5000)] {
            assert_eq!(answer(json!({ "amount": amount })), Ok(true), "{amount}");
        }
    }

    #[test]
    fn anything_else_is_denied_with_the_limit() {
        let denied = Err(AuthorizationError::new("argument `/amount` must be a number of at most 1000"));
        for amount in [json!(1001), json!(1000.01), json!("1"), json!(null), json!([1]), json!({"value": 1})] {
            assert_eq!(answer(json!({ "amount": amount })), denied, "{amount}");
        }
        assert_eq!(answer(json!({})), denied);
    }

    #[test]
    fn a_call_without_arguments_is_denied_and_a_list_is_allowed() {
        let check = ArgumentLimit { argument: "/amount".to_owned(), max: 1000.into() };
        let call = ContextBuilder::tool("transfer");
        assert!(check.check(&call.clone().build()).is_err());
        assert!(check.check(&call.clone().action("").build()).is_err());
        assert_eq!(check.check(&call.action("tools/list").build()), Ok(true));
    }

    #[test]
    fn the_schema_file_is_the_derived_schema() {
        assert_schema::<ArgumentLimit>(include_str!("../schema.json"));
    }
}
