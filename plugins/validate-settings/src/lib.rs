//! Validates settings against the schema of a plugin, for the host itself.
//!
//! Both are untrusted, and the time and the memory of a validation have no simple bound: subschemas that are
//! evaluated again, collected errors, large patterns on long texts. So the host does not validate them in its own code,
//! but in an instance of this plugin, which it stops like any other (`host/src/plugin/validate.rs`).

#[cfg(target_family = "wasm")]
mod random;

use std::fmt::{self, Write};

use guardhouse_sdk::{AuthContext, AuthorizationError, Check};
use jsonschema::{PatternOptions, Validator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The maximum memory of one compiled pattern, in bytes.
const PATTERN_BYTES: usize = 128 << 10;
/// The maximum length of each text in an answer, in bytes.
const TEXT_BYTES: usize = 300;

/// A schema, and settings to validate against it. `configure` accepts valid settings. Otherwise its message is the
/// length of a JSON pointer in bytes, a blank, the pointer, and the reason. For an invalid schema the message is the
/// reason alone, after `schema `.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// The text of the schema.
    pub schema: String,
    /// The text of the settings. Without settings, only the schema is validated.
    pub settings: Option<String>,
}

impl Check for Validation {
    /// Denies: this plugin decides about settings, and never about a request.
    fn check(&self, _: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(false)
    }

    fn validate(&self) -> Result<(), String> {
        let validator = validator(&self.schema).map_err(|reason| format!("schema {reason}"))?;
        let Some(settings) = &self.settings else { return Ok(()) };
        let settings: Value = serde_json::from_str(settings).map_err(|error| answer("", &error.to_string()))?;
        validator.validate(&settings).map_err(|error| answer(&clip(error.instance_path()), &clip(error)))
    }
}

/// The validator of a schema.
fn validator(schema: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    jsonschema::draft202012::options().with_pattern_options(patterns).build(&schema).map_err(clip)
}

fn answer(pointer: &str, reason: &str) -> String {
    format!("{} {pointer}{reason}", pointer.len())
}

/// The beginning of a text. The rest is not even written: it may be as long as the settings.
fn clip(text: impl fmt::Display) -> String {
    let mut clipped = Clipped(String::new());
    if write!(clipped, "{text}").is_err() {
        clipped.0.push('…');
    }
    clipped.0
}

struct Clipped(String);

impl Write for Clipped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = TEXT_BYTES - self.0.len();
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(left)]);
        Err(fmt::Error)
    }
}

guardhouse_sdk::export!(Validation with settings("../schema.json"));

#[cfg(test)]
mod tests {
    use guardhouse_sdk::testing::assert_schema;

    use super::*;

    fn validate(schema: &str, settings: &str) -> Result<(), String> {
        Validation { schema: schema.to_owned(), settings: Some(settings.to_owned()) }.validate()
    }

    #[test]
    fn valid_settings_are_accepted() {
        assert_eq!(validate(r#"{"items": {"pattern": "^a"}}"#, r#"["a", "ab"]"#), Ok(()));
    }

    #[test]
    fn a_violation_is_named_with_its_pointer() {
        let answer = validate(r#"{"properties": {"a/b": {"items": {"minimum": 3}}}}"#, r#"{"a/b": [4, 2]}"#);
        assert_eq!(answer, Err("7 /a~1b/12 is less than the minimum of 3".to_owned()));
        assert_eq!(validate("false", "1"), Err("0 False schema does not allow 1".to_owned()));
    }

    #[test]
    fn a_violation_of_long_settings_is_cut() {
        let long = format!("{:?}", "é".repeat(10_000));
        let answer = validate(r#"{"type": "null"}"#, &long).unwrap_err();
        assert!(answer.len() < 320 && answer.ends_with('…'), "{answer}");
    }

    #[test]
    fn an_invalid_schema_is_told_from_invalid_settings() {
        for schema in ["{", "7", r#"{"type": 5}"#, r#"{"pattern": "("}"#, r#"{"pattern": "\\pL{1000}{1000}"}"#] {
            let answer = Validation { schema: schema.to_owned(), settings: None }.validate().unwrap_err();
            assert!(answer.starts_with("schema "), "{answer}");
        }
    }

    #[test]
    fn the_schema_of_the_settings_is_that_of_the_file() {
        assert_schema::<Validation>(include_str!("../schema.json"));
    }
}
