//! Allows tokens whose claims hold every role of the settings.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use schemars::JsonSchema;
use serde::Deserialize;

/// Allows tokens that hold every one of the roles in a claim: a list of strings, or a string, which is one role.
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

#[derive(Deserialize)]
#[serde(untagged)]
enum Roles {
    One(String),
    Many(Vec<String>),
}

impl Check for RequireRoles {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(match ctx.claim_as(&self.claim) {
            Ok(Some(Roles::One(held))) => self.roles.iter().all(|role| *role == held),
            Ok(Some(Roles::Many(held))) => self.roles.iter().all(|role| held.contains(role)),
            Ok(None) | Err(_) => false,
        })
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
    use serde_json::{Value, json};

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
    fn a_claim_of_another_type_denies() {
        for roles in
            [json!(null), json!(true), json!(1), json!({"admin": true}), json!(["admin", 1]), json!([["admin"]])]
        {
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
