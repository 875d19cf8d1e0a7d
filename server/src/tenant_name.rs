//! Names of tenants.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a tenant: 1 to 64 bytes of `a` to `z`, `0` to `9`, `-`, `_` and `.`, which begin with a letter or a digit.
/// So a name is a folder name and a segment of a path, and has one spelling.
///
/// A clone is shallow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// The maximum length of a name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let may_follow = |byte: u8| is_alphanumeric(byte) || matches!(byte, b'-' | b'_' | b'.');
        let begins_well = name.bytes().next().is_some_and(is_alphanumeric);
        if begins_well && name.len() <= Self::MAX_BYTES && name.bytes().all(may_follow) {
            return Ok(Self(name.into()));
        }
        Err(TenantNameError)
    }
}

/// Maps by name are searched with any text, which need not be a name.
impl Borrow<str> for TenantName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TenantName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not the name of a tenant. The error does not repeat it, because it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a tenant has 1 to 64 lower-case letters, digits, `-`, `_` and `.`, and begins with a letter or a digit"
)]
pub struct TenantNameError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let longest = "a".repeat(TenantName::MAX_BYTES);
        for name in ["acme", "0", "a.b", "a_b-c.d", &longest] {
            assert_eq!(name.parse::<TenantName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        let too_long = "a".repeat(TenantName::MAX_BYTES + 1);
        for name in ["", "Acme", ".", "..", "..data", "-a", "_a", "a/b", "a b", "a%2fb", "ä", "a\0", &too_long] {
            assert_eq!(name.parse::<TenantName>(), Err(TenantNameError), "{name:?}");
        }
    }
}
