//! The sources of the SDKs and of the reference plugins in the package of `guardhouse-authoring`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::output;
use crate::root;

/// The file in the package. `authoring/build.rs` reads it where the folders do not exist.
const ARCHIVE: &str = "authoring/sources.json";

/// The folders with the sources.
const FOLDERS: [&str; 2] = ["guest-sdk", "plugins/spending-limit"];

/// The archive, which is removed when this value is dropped: packages never contain an old one.
#[derive(Debug)]
pub(crate) struct Archive(PathBuf);

impl Drop for Archive {
    fn drop(&mut self) {
        // An archive that remains is replaced by the next one.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes the archive: a JSON object from the path of each file that git does not ignore to its text.
pub(crate) fn write() -> Result<Archive> {
    let mut git = Command::new("git");
    git.current_dir(root()?).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(FOLDERS);
    let mut files = BTreeMap::new();
    for path in output(&mut git)?.split_terminator('\0') {
        let read = || format!("`{path}` cannot be packaged: its text cannot be read");
        files.insert(path.to_owned(), fs::read_to_string(root()?.join(path)).with_context(read)?);
    }
    let archive = Archive(root()?.join(ARCHIVE));
    fs::write(&archive.0, serde_json::to_string(&files)?).with_context(|| format!("cannot write `{ARCHIVE}`"))?;
    Ok(archive)
}
