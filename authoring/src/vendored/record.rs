//! The record of a copy: its version, and the digests of its files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::regular_file;
use crate::version::MAX_BYTES;

/// The file of the record, in the folder of the copy.
pub(super) const RECORD: &str = "version.json";

/// The maximum size of the file, in bytes. An SDK has fewer than a hundred files.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// The version of a copy, and the digests of the files as they were written. Files that differ were edited.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: Version,
    /// The digest of each file, by its path in the folder of the copy.
    pub(super) files: BTreeMap<String, String>,
}

impl Record {
    /// Reads the record of the copy in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let text = regular_file::read(&folder.join(RECORD), MAX_RECORD_BYTES)?;
        let record: Self = serde_json::from_slice(&text).context("is not the record of an SDK")?;
        ensure!(record.version.to_string().len() <= MAX_BYTES, "has a version of more than {MAX_BYTES} bytes");
        Ok(record)
    }

    /// The text of the file.
    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The digest of a file's content, as a record has it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("guest-sdk/c/a.c".to_owned(), digest(b""))].into();
        let record = Record { version: Version::new(1, 2, 3), files };
        fs::write(folder.path().join(RECORD), record.to_json().unwrap()).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), record);
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(record.files.values().collect::<Vec<_>>(), [empty]);
    }

    #[test]
    fn another_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", "[]", r#"{"version": "1", "files": {}}"#, r#"{"version": "1.0.0", "files": [1]}"#] {
            fs::write(folder.path().join(RECORD), text).unwrap();
            let error = Record::read(folder.path()).unwrap_err().to_string();
            assert_eq!(error, "is not the record of an SDK", "{text}");
        }
        let long = format!(r#"{{"version": "1.0.0-{}", "files": {{}}}}"#, "a".repeat(MAX_BYTES));
        fs::write(folder.path().join(RECORD), long).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap_err().to_string(), "has a version of more than 64 bytes");
        fs::write(folder.path().join(RECORD), vec![b' '; MAX_RECORD_BYTES as usize + 1]).unwrap();
        assert!(Record::read(folder.path()).unwrap_err().to_string().contains("has more than"));
    }
}
