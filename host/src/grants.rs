//! What the operator lets a check do beyond reading its request.

use crate::contract::RAW_TOKEN;

/// The capabilities of one check. The default grants none.
///
/// A plugin that imports what is not granted is refused when its check is made, never at request time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grants {
    /// Read the bearer secret itself, with which the check could act as the caller anywhere.
    pub raw_token: bool,
}

impl Grants {
    /// Every grant by name, with the import that needs it.
    pub const KNOWN: &'static [(&'static str, &'static str)] = &[("raw-token", RAW_TOKEN)];

    /// The grant that an import needs; none if it needs none.
    #[must_use]
    pub fn needed_by(import: &str) -> Option<&'static str> {
        Self::KNOWN.iter().find(|(_, needs)| *needs == import).map(|(grant, _)| *grant)
    }

    /// These grants and the one of that name; none if there is no such grant.
    #[must_use]
    pub fn with(self, grant: &str) -> Option<Self> {
        match grant {
            "raw-token" => Some(Self { raw_token: true }),
            _ => None,
        }
    }

    /// Whether the grant of that name is given.
    #[must_use]
    pub fn has(&self, grant: &str) -> bool {
        match grant {
            "raw-token" => self.raw_token,
            _ => false,
        }
    }
}
