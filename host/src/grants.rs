//! Grants: the capabilities that an operator gives to a check.

use crate::interfaces::RAW_TOKEN;

/// The grants of one check: its capabilities beyond reading the request. The default is none.
///
/// A plugin that imports an interface without its grant is rejected when the check is made, never at a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grants {
    /// Read the bearer secret, with which the check could act as the caller anywhere.
    pub raw_token: bool,
}

impl Grants {
    /// The names of all grants, each with the import that needs it.
    pub const KNOWN: &'static [(&'static str, &'static str)] = &[("raw-token", RAW_TOKEN)];

    /// The grant that an import needs; none if it needs none.
    #[must_use]
    pub fn needed_by(import: &str) -> Option<&'static str> {
        Self::KNOWN.iter().find(|(_, needs)| *needs == import).map(|(grant, _)| *grant)
    }

    /// These grants and the one of that name; none if the name is unknown.
    #[must_use]
    pub fn with(self, grant: &str) -> Option<Self> {
        match grant {
            "raw-token" => Some(Self { raw_token: true }),
            _ => None,
        }
    }

    /// Whether the grant of that name is among them.
    #[must_use]
    pub fn has(&self, grant: &str) -> bool {
        match grant {
            "raw-token" => self.raw_token,
            _ => false,
        }
    }
}
