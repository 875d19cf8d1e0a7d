//! Denies every request with a message.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use schemars::JsonSchema;
use serde::Deserialize;

/// Denies every request, with a message for the caller.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenyWithMessage {
    /// Reaches the caller exactly as it stands.
    pub message: String,
}

impl Check for DenyWithMessage {
    fn check(&self, _: &AuthContext) -> Result<bool, AuthorizationError> {
        Err(AuthorizationError::new(&self.message))
    }
}

guardhouse_sdk::export!(DenyWithMessage with settings("../schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::{ContextBuilder, assert_schema};

    use super::*;

    #[test]
    fn the_message_is_passed_on_as_it_stands() {
        for message in ["down for maintenance until 14:00 UTC", "", " two\nlines\0 "] {
            let check = DenyWithMessage { message: message.to_owned() };
            let answer = check.check(&ContextBuilder::tool("delete").token().build());
            assert_eq!(answer, Err(AuthorizationError::new(message)));
        }
    }

    #[test]
    fn the_schema_file_is_the_derived_schema() {
        assert_schema::<DenyWithMessage>(include_str!("../schema.json"));
    }
}
