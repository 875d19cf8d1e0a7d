//! Errors of the files of a listener with TLS.

use std::path::{Path, PathBuf};

/// A file that TLS cannot use. It never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use `{}` for TLS: {reason}: {help}", path.display())]
pub struct TlsError {
    /// The path of the file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// How to mend it.
    pub help: &'static str,
}

impl TlsError {
    pub(super) fn new(path: &Path, reason: impl ToString, help: &'static str) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string(), help }
    }
}
