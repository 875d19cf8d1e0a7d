//! The decision on one request: everything that the caller may see.
//!
//! This folder turns the outcomes of checks into one decision. It knows nothing of WebAssembly.

pub(crate) mod auth_check;
pub(crate) mod auth_checks;
pub mod blocking;
pub mod native;
pub(crate) mod report;
mod run;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::outcome::AuthorizationError;

/// The final answer. There are only two, and a fault is a [`Deny`](Self::Deny): it is not an error, so no `?` can lose
/// it (rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
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
pub struct Denial {
    /// The key to the operator's record of this decision.
    pub id: DecisionId,
    /// The message of the check, exactly as given (rule S3), or `None` if the check denied without one or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The missing scopes of all checks together, sorted (rule U2). Only
    /// [`AuthChecks::name_missing_scopes`](crate::AuthChecks::name_missing_scopes) names any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
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

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
