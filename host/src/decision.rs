//! The answer to one request: what the caller may see, and nothing more.

use std::fmt;

use serde::{Serialize, Serializer};

/// The final answer. There are only two, and a fault is a [`Deny`](Self::Deny): nothing here can be lost with `?`
/// (rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at guards nothing"]
pub enum Decision {
    /// Every check allowed.
    Allow,
    /// A check did not allow, or no decision could be reached safely.
    Deny(Denial),
}

impl Decision {
    /// Whether every check allowed.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow)
    }

    /// The origin's shape (FastMCP's `run_auth_checks`): `Ok(true)` allows, `Ok(false)` denies without a word, and
    /// an error denies with its message.
    ///
    /// # Errors
    /// [`AuthorizationError`] for an explicit denial.
    pub fn into_result(self) -> Result<bool, AuthorizationError> {
        match self {
            Self::Allow => Ok(true),
            Self::Deny(Denial { message: Some(message), .. }) => Err(AuthorizationError { message }),
            Self::Deny(Denial { message: None, .. }) => Ok(false),
        }
    }
}

/// Why a request was denied, as far as the caller may know. A check that said no without a word and a check that
/// failed look the same (rule S4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// The key to the operator's record of this decision.
    pub id: DecisionId,
    /// The check's own words, exactly as given (rule S3); none for a silent or a masked denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The scopes that would satisfy every scope-aware check, sorted (rule U2). Only
    /// [`AuthChecks::name_missing_scopes`](crate::AuthChecks::name_missing_scopes) names any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
}

/// An explicit denial by a check. Its message reaches the caller exactly as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AuthorizationError {
    /// What the caller is told.
    pub message: String,
}

impl AuthorizationError {
    /// Denies with `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Names one decision in what the caller gets and in the operator's records: 128 random bits, written as 32
/// hexadecimal digits. It also seeds the random numbers of the checks, so a recorded decision can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(u128);

impl DecisionId {
    /// A new one that nobody can guess.
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

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
