//! Allows the requests for which a tree of conditions is true.

mod network;

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use serde::Deserialize;

use crate::network::Network;

/// The settings. The host has validated them against `settings.schema.json`, which bounds the depth of the tree.
#[derive(Debug, Deserialize)]
pub struct Settings {
    condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    None(Vec<Condition>),
    Compare { argument: String, is: Comparison, number: f64 },
    Equals { claim: String, text: String },
    Contains { claim: String, text: String },
    Network { attribute: String, r#in: Vec<Network> },
}

#[derive(Debug, Deserialize)]
enum Comparison {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = ">")]
    More,
}

impl Check for Settings {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        let missing = || AuthorizationError::new("an input of the policy is missing or has another type");
        self.condition.evaluate(ctx).ok_or_else(missing)
    }
}

impl Condition {
    /// True or false; `None` if the answer depends on an input that is missing.
    fn evaluate(&self, ctx: &AuthContext) -> Option<bool> {
        match self {
            Self::All(conditions) => first_or_all(conditions, ctx, false),
            Self::Any(conditions) => first_or_all(conditions, ctx, true),
            Self::None(conditions) => first_or_all(conditions, ctx, true).map(|answer| !answer),
            Self::Compare { argument, is, number } => {
                let value = ctx.argument(argument)?;
                let value = value.as_number()?;
                // Many languages would round such a number. A request with one is a fault in all of them.
                assert!(value.as_i128().is_none_or(|value| value.unsigned_abs() <= 1 << 53), "{value} is beyond 2^53");
                value.as_f64().map(|value| is.holds(value, *number))
            }
            Self::Equals { claim, text } => Some(ctx.claim(claim)?.as_str()? == text),
            Self::Contains { claim, text } => {
                let texts = ctx.claim_as::<Vec<String>>(claim).ok()??;
                Some(texts.contains(text))
            }
            Self::Network { attribute, r#in: networks } => {
                let address = network::parse_address(ctx.attribute(attribute)?.as_str()?)?;
                Some(networks.iter().any(|network| network.contains(address)))
            }
        }
    }
}

/// The decisive answer, if a condition gives it; `None`, if one is missing; otherwise the opposite.
fn first_or_all(conditions: &[Condition], ctx: &AuthContext, decisive: bool) -> Option<bool> {
    let mut answer = Some(!decisive);
    for condition in conditions {
        match condition.evaluate(ctx) {
            Some(each) if each == decisive => return Some(decisive),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

impl Comparison {
    fn holds(&self, value: f64, number: f64) -> bool {
        match self {
            Self::Less => value < number,
            Self::AtMost => value <= number,
            Self::Equal => value == number,
            Self::AtLeast => value >= number,
            Self::More => value > number,
        }
    }
}

guardhouse_sdk::export!(Settings with settings("../settings.schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::ContextBuilder;
    use serde_json::{Value, json};

    use super::*;

    fn settings(condition: Value) -> Result<Settings, serde_json::Error> {
        serde_json::from_value(json!({ "condition": condition }))
    }

    fn small() -> Value {
        json!({"compare": {"argument": "/amount", "is": "<=", "number": 1000}})
    }

    #[test]
    fn a_condition() {
        for (amount, expected) in [(1000.0, true), (1000.5, false)] {
            let ctx = ContextBuilder::tool("transfer").argument("amount", amount).build();
            assert_eq!(settings(small()).unwrap().check(&ctx), Ok(expected));
        }
    }

    #[test]
    fn a_missing_input_denies_also_under_a_negation() {
        for condition in [small(), json!({"none": [small()]})] {
            settings(condition).unwrap().check(&ContextBuilder::tool("transfer").build()).unwrap_err();
        }
    }

    #[test]
    fn texts_that_are_not_networks_are_rejected() {
        for network in ["192.0.2.0/33", "192.0.2/24", "2001:db8::/129"] {
            let error = settings(json!({"network": {"attribute": "/peer/address", "in": [network]}})).unwrap_err();
            assert!(error.to_string().contains("is not a network"), "{error}");
        }
    }
}
