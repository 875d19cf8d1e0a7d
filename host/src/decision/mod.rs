//! The decision on one request: everything that the caller may see.
//!
//! This folder turns the outcomes of checks into one decision. It knows nothing of WebAssembly.

mod attempt;
pub(crate) mod auth_check;
pub(crate) mod auth_checks;
pub mod compose;
mod last_lines;
pub(crate) mod missing_scopes;
pub mod native;
pub(crate) mod report;
mod run;
pub(crate) mod warnings;

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::outcome::AuthorizationError;
use crate::util::text::clip;

/// The final answer. There are only two, and a fault is a [`Deny`](Self::Deny): it is not an error, so no `?` can lose
/// it (rule S5).
///
/// In JSON the word of [`kind`](Self::kind) is the field `decision`, beside the fields of the denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
#[must_use = "a decision that is not enforced guards nothing"]
pub enum Decision {
    /// Every check allowed.
    Allow,
    /// A check denied or failed, or no check could be evaluated.
    Deny(Denial),
}

impl Decision {
    /// Whether every check allowed.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow)
    }

    /// The stable word: `allow` or `deny`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny(_) => "deny",
        }
    }

    /// The denial, for the caller.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow => None,
            Self::Deny(denial) => Some(denial),
        }
    }

    /// The decision in the shape of FastMCP's `run_auth_checks`: `Ok(true)` allows, `Ok(false)` denies without a
    /// message, and an error denies with its message.
    ///
    /// # Errors
    /// [`AuthorizationError`] for a denial with a message.
    pub fn into_result(self) -> Result<bool, AuthorizationError> {
        match self {
            Self::Allow => Ok(true),
            Self::Deny(Denial { message: Some(message), .. }) => Err(AuthorizationError { message }),
            Self::Deny(Denial { message: None, .. }) => Ok(false),
        }
    }
}

/// The reason of a denial, as far as the caller may know it. A check that denied without a message and a check that
/// failed look the same (rule S4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Denial {
    /// The key to the operator's record of this decision.
    pub id: DecisionId,
    /// The message of the check, exactly as given (rule S3), or `None` if the check denied without one or failed. It is
    /// untrusted text: escape it where it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The missing scopes of all checks together, sorted (rule U2). Only
    /// [`AuthChecks::name_missing_scopes`](crate::AuthChecks::name_missing_scopes) names any. A scope that stands in
    /// the settings of a check may contain any character (rule U5): only [scope tokens](Self::scope_tokens) may be
    /// written into a header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
}

impl Denial {
    /// A denial without a message, for example to test how a program answers it.
    #[must_use]
    pub fn new(id: DecisionId) -> Self {
        Self { id, message: None, missing_scopes: Vec::new() }
    }

    /// The missing scopes that are scope tokens (RFC 6749 section 3.3), which may be written into a header: joined by
    /// spaces, they are the parameter `scope` of a challenge (RFC 6750 section 3).
    pub fn scope_tokens(&self) -> impl Iterator<Item = &str> {
        self.missing_scopes.iter().map(String::as_str).filter(|scope| missing_scopes::is_scope_token(scope))
    }

    /// The same denial with a message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same denial with missing scopes.
    #[must_use]
    pub fn with_missing_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.missing_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }
}

/// The id of one decision, which a denied caller and the operator's records share: 128 random bits, written as 32
/// hexadecimal digits. It also seeds the random numbers of the checks, so a check that is evaluated again for the same
/// id gets the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(u128);

impl DecisionId {
    /// A new id, which cannot be guessed.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads the 32 hexadecimal digits that [`Display`](fmt::Display) writes.
impl FromStr for DecisionId {
    type Err = DecisionIdError;

    fn from_str(text: &str) -> Result<Self, DecisionIdError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or_else(|| DecisionIdError { found: clip(text) })
    }
}

/// A text that is not the id of a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not the id of a decision: expected 32 hexadecimal digits")]
pub struct DecisionIdError {
    found: String,
}

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_after_writing_and_reading_it() {
        let id = DecisionId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_value::<DecisionId>(serde_json::to_value(id).unwrap()).unwrap(), id);
    }

    #[test]
    fn only_32_hexadecimal_digits_are_an_id() {
        let signed = format!("+{:031x}", 1);
        for text in ["", "1", "é", &signed, &"g".repeat(32), &"0".repeat(31), &"0".repeat(33)] {
            let error = text.parse::<DecisionId>().unwrap_err().to_string();
            assert!(error.contains("expected 32 hexadecimal digits"), "{error}");
        }
    }
}
