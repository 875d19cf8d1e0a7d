//! The version of this program and of the SDKs that were released with it.

use anyhow::{Context, Result};
use semver::Version;

/// The version, as text.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The maximum length of the version of an SDK, in bytes. Projects have versions too, which may be untrusted.
pub(crate) const MAX_BYTES: usize = 64;

/// The version, as a number.
pub(crate) fn number() -> Result<Version> {
    VERSION.parse().with_context(|| format!("invalid version `{VERSION}` of this program"))
}
