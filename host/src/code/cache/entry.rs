//! Entries of the cache: the format of their files.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The maximum size of an entry's text, in bytes.
const MAX_INDEX_BYTES: u64 = 1 << 20;

/// An entry whose files were verified. Only the cache makes one. The files are open, and are used through these
/// descriptors only: what another process puts in their place later was not verified.
#[derive(Debug)]
pub(in crate::code) struct Entry {
    files: Vec<File>,
    note: String,
}

impl Entry {
    pub(super) fn new(files: Vec<File>, note: String) -> Self {
        Self { files, note }
    }

    /// The verified files.
    pub(in crate::code) fn into_files(self) -> Vec<File> {
        self.files
    }

    /// The text that was stored beside the files.
    pub(in crate::code) fn note(&self) -> &str {
        &self.note
    }
}

/// The text of an entry. Its first line is a seal that binds the text to the entry's key.
#[derive(Serialize, Deserialize)]
pub(super) struct Index {
    /// The names of files in the code folder.
    pub(super) files: Vec<String>,
    pub(super) note: String,
}

impl Index {
    /// The text of the file of an entry.
    pub(super) fn sealed(&self, key: Digest) -> serde_json::Result<String> {
        let index = serde_json::to_string(self)?;
        Ok(format!("{}\n{index}", seal(key, &index)))
    }

    /// Reads the file of an entry. Returns `None` and removes the file if its text was not written under this name.
    pub(super) fn read(path: &Path) -> Option<(File, Self)> {
        let key = Digest::from_hex(path.file_name()?.to_str()?)?;
        let file = open(path)?;
        let mut text = String::new();
        let complete = (&file).take(MAX_INDEX_BYTES).read_to_string(&mut text).is_ok();
        let sealed = text.split_once('\n').filter(|(found, index)| complete && *found == seal(key, index));
        let Some((_, index)) = sealed else {
            let _ = fs::remove_file(path);
            return None;
        };
        Some((file, serde_json::from_str(index).ok()?))
    }
}

/// The seal of an entry. It binds the text to the key, so an entry that was renamed to another key is invalid.
fn seal(key: Digest, index: &str) -> String {
    Digest::of_parts([key.as_bytes(), index.as_bytes()]).to_hex()
}

/// Opens a file that belongs to this user, is not a link, and cannot be written by others.
pub(super) fn open(path: &Path) -> Option<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(no_follow.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let found = file.metadata().ok()?;
    let is_own = found.is_file() && found.uid() == geteuid().as_raw();
    (is_own && found.mode() & 0o022 == 0).then_some(file)
}
