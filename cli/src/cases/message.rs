//! The message that a case expects: a text, or a pattern.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::text::escaped;

/// The largest pattern, in bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 4 << 10;

/// The largest compiled pattern, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// The message that a case expects.
#[derive(Debug, Clone)]
pub(crate) enum ExpectedMessage {
    /// This message.
    Text(String),
    /// A message in which the pattern is found.
    Pattern(Regex),
}

impl ExpectedMessage {
    /// Whether a denial with this message is as expected.
    pub(crate) fn matches(&self, found: &str) -> bool {
        match self {
            Self::Text(text) => text == found,
            Self::Pattern(pattern) => pattern.is_match(found),
        }
    }
}

impl fmt::Display for ExpectedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if text.is_empty() => f.write_str("an empty message"),
            Self::Text(text) => write!(f, "`{}`", escaped(text)),
            Self::Pattern(pattern) => write!(f, "a message that matches `{}`", escaped(pattern.as_str())),
        }
    }
}

impl<'de> Deserialize<'de> for ExpectedMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = ExpectedMessage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with the member `matches`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ExpectedMessage, E> {
        Ok(ExpectedMessage::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExpectedMessage, A::Error> {
        let mut pattern = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != "matches" {
                return Err(A::Error::unknown_field(&name, &["matches"]));
            }
            if pattern.is_some() {
                return Err(A::Error::duplicate_field("matches"));
            }
            let Pattern(found) = map.next_value()?;
            pattern = Some(found);
        }
        pattern.map(ExpectedMessage::Pattern).ok_or_else(|| A::Error::missing_field("matches"))
    }
}

/// A pattern of bounded size.
struct Pattern(Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() > MAX_PATTERN_BYTES {
            return Err(D::Error::custom(format_args!("the pattern has more than {MAX_PATTERN_BYTES} bytes")));
        }
        let mut builder = RegexBuilder::new(&text);
        let pattern = builder.size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_COMPILED_BYTES).build();
        pattern.map(Self).map_err(|error| {
            // The parser draws an arrow over several lines; the last one is the reason.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            D::Error::custom(format_args!("invalid pattern: {reason}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExpectedMessage, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_the_whole_message_and_a_pattern_is_found_anywhere() {
        for (expected, found, matches) in [
            (r#""no""#, "no", true),
            (r#""no""#, "no.", false),
            (r#""n.""#, "no", false),
            (r#"{"matches": "limit \\d+"}"#, "the limit 100 is passed", true),
            (r#"{"matches": "^limit"}"#, "the limit", false),
            (r#"{"matches": "^the limit$"}"#, "the limit", true),
            (r#"{"matches": "^the limit$"}"#, "the limit\n", false),
            (r#"{"matches": "a.b"}"#, "a\nb", false),
            (r#"{"matches": ""}"#, "", true),
        ] {
            assert_eq!(read(expected).unwrap().matches(found), matches, "{expected} {found}");
        }
    }

    #[test]
    fn a_pattern_that_is_invalid_or_too_large_is_refused() {
        let long = format!(r#"{{"matches": "{}"}}"#, "a".repeat(MAX_PATTERN_BYTES + 1));
        for (text, error) in [
            (r#"{"matches": "("}"#, "invalid pattern: unclosed group at line 1 column "),
            (r#"{"matches": "(?=a)"}"#, "invalid pattern: look-around"),
            (r#"{"matches": "a{1000}{1000}"}"#, "invalid pattern: "),
            (&long, "the pattern has more than 4096 bytes"),
            (r#"{"match": "a"}"#, "unknown field `match`, expected `matches`"),
            (r#"{"matches": "a", "matches": "b"}"#, "duplicate field `matches`"),
            ("{}", "missing field `matches`"),
            ("7", "invalid type: integer `7`, expected a text, or an object with the member `matches`"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
        assert!(read(&format!(r#"{{"matches": "{}"}}"#, "a".repeat(MAX_PATTERN_BYTES))).is_ok());
    }
}
