//! Changes of a file of cases.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::cases::{CaseFile, MAX_BYTES};
use crate::{input, interrupt};

/// Replaces the content of a file at once, if it is still `old`; the file is never half written. A link stays, and the
/// file that it names is replaced.
pub(super) fn replace(path: &Path, old: &[u8], new: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        // What cannot be read back is not written.
        CaseFile::parse(path, new.to_vec()).context("the changed file would be invalid")?;
        let target = path.canonicalize()?;
        let folder = target.parent().unwrap_or(&target);
        let mut draft = tempfile::Builder::new().prefix(".cases-").tempfile_in(folder)?;
        draft.write_all(new)?;
        let metadata = fs::metadata(&target)?;
        ensure!(metadata.is_file(), "it is not a regular file");
        draft.as_file().set_permissions(metadata.permissions())?;
        if input::read_file(&target, MAX_BYTES)? != old {
            bail!("it was changed meanwhile");
        }
        draft.persist(&target).map_err(io::Error::from)?;
        Ok(())
    };
    interrupt::with_files(write).with_context(|| format!("cannot change `{}`", path.display()))
}
