//! Manifests: the files of projects with their names and dependencies.

use std::path::Path;

use anyhow::{Context, Result};

use crate::regular_file;

/// The maximum size of a manifest, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a manifest, which is UTF-8 with or without a byte order mark.
pub(super) fn read_manifest(path: &Path) -> Result<String> {
    let text = regular_file::read_linked_text(path, MAX_BYTES);
    text.with_context(|| format!("cannot read `{}`", path.display()))
}
