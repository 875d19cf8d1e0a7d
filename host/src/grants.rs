//! Grants: the capabilities that an operator gives to a check.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::interfaces::RAW_TOKEN;
use crate::util::text::{clip, quoted};

/// A capability beyond reading the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grant {
    /// `raw-token`: reading the bearer secret, with which the check could act as the caller anywhere.
    RawToken,
}

impl Grant {
    /// Every grant.
    pub const ALL: &'static [Self] = &[Self::RawToken];

    /// The stable name, for example `raw-token`. It is also the text and JSON form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RawToken => "raw-token",
        }
    }

    /// The import that needs the grant.
    #[must_use]
    pub fn import(self) -> &'static str {
        match self {
            Self::RawToken => RAW_TOKEN,
        }
    }

    /// The grant that an import needs, or `None` if it can be imported without a grant.
    #[must_use]
    pub fn needed_by(import: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.import() == import)
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the name of a grant.
impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(name: &str) -> Result<Self, GrantError> {
        let found = Self::ALL.iter().copied().find(|grant| grant.as_str() == name);
        found.ok_or_else(|| GrantError { found: clip(name) })
    }
}

/// A text that is not the name of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("grant `{found}` does not exist; use one of {}", quoted(Grant::ALL))]
pub struct GrantError {
    found: String,
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The grants of one check: its capabilities beyond reading the request. By default a check has no grants. In JSON it is
/// a list of names.
///
/// A plugin that imports an interface without its grant is rejected when the check is made, never at a request.
///
/// ```
/// use guardhouse::{CheckConfig, Grant, Grants};
///
/// let config = CheckConfig { grants: Grants::default().with(Grant::RawToken), ..CheckConfig::default() };
/// assert!(config.grants.has(Grant::RawToken));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Grants(u32);

impl Grants {
    /// These grants and one more.
    #[must_use]
    pub fn with(self, grant: Grant) -> Self {
        Self(self.0 | grant.bit())
    }

    /// Whether the grant is among these grants.
    #[must_use]
    pub fn has(self, grant: Grant) -> bool {
        self.0 & grant.bit() != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The grants, in the order of [`Grant::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Grant> {
        Grant::ALL.iter().copied().filter(move |grant| self.has(*grant))
    }
}

impl FromIterator<Grant> for Grants {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        grants.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_is_read_from_its_name() {
        for grant in Grant::ALL {
            assert_eq!(grant.to_string().parse(), Ok(*grant));
            assert_eq!(Grant::needed_by(grant.import()), Some(*grant));
        }
        let error = "raw_token".parse::<Grant>().unwrap_err().to_string();
        assert_eq!(error, "grant `raw_token` does not exist; use one of `raw-token`");
    }

    #[test]
    fn a_set_keeps_the_grants_that_it_has() {
        let all: Grants = Grant::ALL.iter().copied().collect();
        for grant in Grant::ALL {
            // Bits of different grants are different, so adding one never changes another.
            assert_eq!(all.with(*grant), all);
            assert_eq!(Grants::default().with(*grant).iter().collect::<Vec<_>>(), [*grant]);
        }
        assert_eq!(all.iter().collect::<Vec<_>>(), Grant::ALL);
        assert!(Grants::default().is_empty() && !all.is_empty());
    }

    #[test]
    fn grants_are_a_list_of_names() {
        let all: Grants = Grant::ALL.iter().copied().collect();
        assert_eq!(serde_json::to_string(&all).unwrap(), r#"["raw-token"]"#);
        assert_eq!(serde_json::from_str::<Grants>(r#"["raw-token", "raw-token"]"#).unwrap(), all);
        assert!(serde_json::from_str::<Grants>(r#"["network"]"#).is_err());
    }
}
