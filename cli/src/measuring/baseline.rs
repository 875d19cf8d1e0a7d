//! Files of costs.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use guardhouse::Json;

use super::costs::Costs;
use crate::input;
use crate::object::Object;
use crate::output;

/// The largest file of costs, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// Reads a file of costs.
pub(crate) fn read(path: &Path) -> Result<Costs> {
    let read = || -> Result<Costs> { Ok(Json::read::<Object<Costs>>(&input::read_file(path, MAX_BYTES)?)?.0) };
    read().with_context(|| format!("cannot read the baseline `{}`", path.display()))
}

/// Writes a file of costs, which is replaced at once.
pub(crate) fn write(path: &Path, costs: &Costs) -> Result<()> {
    let text = output::pretty_json(costs)?;
    let write = || -> Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let mut draft = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
        draft.write_all(text.as_bytes())?;
        draft.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write the baseline `{}`", path.display()))
}
