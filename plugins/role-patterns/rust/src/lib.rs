//! Allows the components and actions that match a pattern of one of the caller's roles.

use std::collections::BTreeMap;

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use serde::Deserialize;

/// The settings. The host has validated them against `settings.schema.json`.
#[derive(Debug, Deserialize)]
pub struct Settings {
    claim: String,
    roles: BTreeMap<String, Role>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Role {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    component: String,
    /// `None` matches every action.
    action: Option<String>,
}

impl Check for Settings {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        // A claim of another type is like none.
        let Ok(Some(names)) = ctx.claim_as::<Vec<String>>(&self.claim) else { return Ok(false) };
        let component = ctx.component();
        // `reports/**` must not match `reports/../salaries`.
        if component.name.split('/').any(|segment| segment == "." || segment == "..") {
            return Ok(false);
        }
        let mut allowed = false;
        for name in &names {
            let Some(role) = self.roles.get(name) else { continue };
            if role.deny.iter().any(|rule| rule.matches(ctx)) {
                let text = format!("role `{name}` must not use `{}:{}`", component.kind, component.name);
                return Err(AuthorizationError::new(text));
            }
            allowed = allowed || role.allow.iter().any(|rule| rule.matches(ctx));
        }
        Ok(allowed)
    }
}

impl Rule {
    fn matches(&self, ctx: &AuthContext) -> bool {
        let Some((kind, name)) = self.component.split_once(':') else { return false };
        matches(kind, &ctx.component().kind)
            && matches(name, &ctx.component().name)
            && self.action.as_ref().is_none_or(|action| matches(action, ctx.action()))
    }
}

/// Whether a pattern, which may have alternatives, matches the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let glob_matches = |glob: &str| glob_matches(&glob.chars().collect::<Vec<_>>(), &text);
    match pattern.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (alternatives, after))) => {
            alternatives.split(',').any(|alternative| glob_matches(&format!("{before}{alternative}{after}")))
        }
        None => glob_matches(pattern),
    }
}

/// Whether a pattern without alternatives matches. More stars do not make it slower.
fn glob_matches(glob: &[char], text: &[char]) -> bool {
    let (mut at, mut done) = (0, 0);
    // Where the last `*` and the last `**` end in the pattern, and in the text so far.
    let (mut star, mut stars) = (None, None);
    loop {
        match (&glob[at..], &text[done..]) {
            (['*', '*', ..], _) => {
                at += 2;
                stars = Some((at, done));
                star = None;
            }
            (['*', ..], _) => {
                at += 1;
                star = Some((at, done));
            }
            ([pattern, ..], [next, ..]) if pattern == next || (*pattern == '?' && *next != '/') => {
                at += 1;
                done += 1;
            }
            ([], []) => return true,
            _ => {
                if let Some((after, end)) = star.filter(|(_, end)| text.get(*end).is_some_and(|next| *next != '/')) {
                    (at, done) = (after, end + 1);
                    star = Some((at, done));
                } else if let Some((after, end)) = stars.filter(|(_, end)| *end < text.len()) {
                    (at, done) = (after, end + 1);
                    stars = Some((at, done));
                    star = None;
                } else {
                    return false;
                }
            }
        }
    }
}

guardhouse_sdk::export!(Settings with settings("../settings.schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;
    use serde_json::json;

    use super::*;

    fn decide(tool: &str, role: &str) -> Result<bool, AuthorizationError> {
        let teller = json!({"allow": [{"component": "tool:{read,list}-*"}], "deny": [{"component": "*:**secret**"}]});
        let settings = json!({"claim": "/roles", "roles": {"teller": teller}});
        let settings: Settings = serde_json::from_value(settings).unwrap();
        settings.check(&ContextBuilder::tool(tool).claim("roles", json!([role])).build())
    }

    #[test]
    fn a_pattern_of_a_role_allows() {
        assert_eq!(decide("list-orders", "teller"), Ok(true));
        assert_eq!(decide("list-orders", "guest"), Ok(false));
    }

    #[test]
    fn a_denial_wins() {
        let error = decide("read-secrets", "teller").unwrap_err();
        assert_eq!(error.message, "role `teller` must not use `tool:read-secrets`");
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [("*", "a/b", false), ("**", "a/b", true), ("{a,b*}?", "bcd", true)] {
            assert_eq!(matches(pattern, text), expected, "{pattern}");
        }
    }
}
