//! Allows components whose name matches one of the patterns: a check that is slow to configure, for benchmarks.

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use regex::RegexSet;
use schemars::JsonSchema;
use serde::Deserialize;

/// Allows components whose name matches one of the patterns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, try_from = "Patterns")]
#[schemars(with = "Patterns")]
pub struct NameMatches {
    patterns: RegexSet,
}

/// The settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Patterns {
    /// Regular expressions.
    patterns: Vec<String>,
}

impl TryFrom<Patterns> for NameMatches {
    type Error = regex::Error;

    fn try_from(Patterns { patterns }: Patterns) -> Result<Self, regex::Error> {
        Ok(Self { patterns: RegexSet::new(patterns)? })
    }
}

impl Check for NameMatches {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(self.patterns.is_match(&ctx.component().name))
    }
}

guardhouse_sdk::export!(NameMatches with settings);

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;

    use super::*;

    #[test]
    fn one_pattern_must_match() {
        let patterns = ["^get_[a-z]+$", "^list_"].map(str::to_owned).to_vec();
        let check = NameMatches::try_from(Patterns { patterns }).unwrap();
        assert_eq!(check.check(&ContextBuilder::tool("get_invoice").build()), Ok(true));
        assert_eq!(check.check(&ContextBuilder::tool("delete_invoice").build()), Ok(false));
    }

    #[test]
    fn an_invalid_pattern_is_rejected() {
        assert!(NameMatches::try_from(Patterns { patterns: vec!["(".to_owned()] }).is_err());
    }
}
