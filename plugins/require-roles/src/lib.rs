//! Allows tokens whose claims hold every role of the settings.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Allows tokens that hold every one of the roles in a claim: the strings of a list, the names of an object, or a string,
/// which is one role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireRoles {
    /// The roles that a token must hold, compared as they are: by code point.
    #[schemars(length(min = 1))]
    pub roles: Vec<String>,
    /// The claim, as a JSON pointer (RFC 6901), for example `/realm_access/roles`.
    #[schemars(regex(pattern = "^(/([^/~]|~[01])*)*$"))]
    pub claim: String,
}

/// Whether a claim lists every role. A list with a list or an object inside is not a list of roles, and lists none.
fn lists(claim: &Value, roles: &[String]) -> bool {
    match claim {
        Value::String(held) => roles.iter().all(|role| role == held),
        Value::Object(held) => roles.iter().all(|role| held.contains_key(role)),
        Value::Array(held) => {
            let is_flat = !held.iter().any(|value| value.is_array() || value.is_object());
            is_flat && roles.iter().all(|role| held.iter().any(|value| value.as_str() == Some(role)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Check for RequireRoles {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        let claim = ctx.claim(&self.claim);
        Ok(claim.is_some_and(|claim| lists(&claim, &self.roles)))
    }

    fn validate(&self) -> Result<(), String> {
        if self.roles.is_empty() {
            return Err("`roles` is empty: every token with the claim would be let in".to_owned());
        }
        Ok(())
    }
}

guardhouse_sdk::export!(RequireRoles with settings("../schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::{ContextBuilder, assert_schema};
    use serde_json::json;

    use super::*;

    fn require(roles: &[&str]) -> RequireRoles {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        RequireRoles { roles, claim: "/realm_access/roles".to_owned() }
    }

    fn holding(roles: Value) -> AuthContext {
        ContextBuilder::tool("delete").claim("realm_access", json!({ "roles": roles })).build()
    }

    #[test]
    fn every_role_must_be_held() {
        let ctx = holding(json!(["admin", "auditor"]));
        assert_eq!(require(&["auditor", "admin", "admin"]).check(&ctx), Ok(true));
        assert_eq!(require(&["auditor", "owner"]).check(&ctx), Ok(false));
        assert_eq!(require(&["Admin"]).check(&ctx), Ok(false));
    }

    #[test]
    fn a_string_is_one_role() {
        let ctx = holding(json!("admin auditor"));
        assert_eq!(require(&["admin auditor"]).check(&ctx), Ok(true));
        assert_eq!(require(&["admin"]).check(&ctx), Ok(false));
        assert_eq!(require(&["admin auditor", "admin"]).check(&ctx), Ok(false));
    }

    #[test]
    fn the_names_of_an_object_are_roles() {
        let ctx = holding(json!({"admin": {"123": "acme.example"}, "auditor": null}));
        assert_eq!(require(&["auditor", "admin"]).check(&ctx), Ok(true));
        assert_eq!(require(&["123"]).check(&ctx), Ok(false));
    }

    #[test]
    fn the_strings_of_a_list_are_roles_beside_other_values() {
        let ctx = holding(json!(["admin", null, 1, 2.5, true]));
        assert_eq!(require(&["admin"]).check(&ctx), Ok(true));
        for role in ["1", "true", "null", ""] {
            assert_eq!(require(&[role]).check(&ctx), Ok(false), "{role}");
        }
    }

    #[test]
    fn a_claim_of_another_type_denies() {
        for roles in [json!(null), json!(true), json!(1), json!([["admin"]]), json!(["admin", {"x": 1}])] {
            assert_eq!(require(&["admin"]).check(&holding(roles.clone())), Ok(false), "{roles}");
        }
    }

    #[test]
    fn a_missing_claim_denies() {
        assert_eq!(require(&["admin"]).check(&ContextBuilder::tool("delete").token().build()), Ok(false));
        assert_eq!(require(&["admin"]).check(&ContextBuilder::tool("delete").build()), Ok(false));
    }

    #[test]
    fn no_roles_are_refused() {
        assert!(require(&[]).validate().is_err());
        assert_eq!(require(&["admin"]).validate(), Ok(()));
    }

    #[test]
    fn the_schema_file_is_the_derived_schema() {
        assert_schema::<RequireRoles>(include_str!("../schema.json"));
    }
}
