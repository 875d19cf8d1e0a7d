//! The version of this program and of the SDKs that were released with it.

use anyhow::{Context, Result};
use semver::Version;

/// The version, as text.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version, as a number.
pub(crate) fn number() -> Result<Version> {
    VERSION.parse().with_context(|| format!("invalid version `{VERSION}` of this program"))
}
