//! Grants: the capabilities that an operator gives to a check.

use crate::interfaces::RAW_TOKEN;

/// The grants of one check: its capabilities beyond reading the request. By default a check has no grants.
///
/// A plugin that imports an interface without its grant is rejected when the check is made, never at a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grants {
    /// Whether the check may read the bearer secret, with which it could act as the caller anywhere.
    pub raw_token: bool,
}

impl Grants {
    /// The names of all grants, each with the import that needs it.
    pub const KNOWN: &'static [(&'static str, &'static str)] = &[("raw-token", RAW_TOKEN)];

    /// The name of the grant that an import needs, or `None` if it can be imported without a grant.
    #[must_use]
    pub fn needed_by(import: &str) -> Option<&'static str> {
        Self::KNOWN.iter().find(|(_, needs)| *needs == import).map(|(grant, _)| *grant)
    }

    /// These grants and the one named `grant`, or `None` if the name is unknown.
    #[must_use]
    pub fn with(self, grant: &str) -> Option<Self> {
        match grant {
            "raw-token" => Some(Self { raw_token: true }),
            _ => None,
        }
    }

    /// Whether the grant named `grant` is among these grants.
    #[must_use]
    pub fn has(&self, grant: &str) -> bool {
        match grant {
            "raw-token" => self.raw_token,
            _ => false,
        }
    }
}
