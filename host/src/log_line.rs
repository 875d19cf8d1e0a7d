//! A piece of the output of a plugin.

use serde::Serialize;

/// A piece of the output of a plugin: text of a stream, or one log call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// The stream: `stdout`, `stderr`, or the level of a log call (`trace` … `critical`).
    pub source: &'static str,
    /// The text. It is untrusted: escape it before it reaches a terminal or a file of lines.
    pub text: String,
}

impl LogLine {
    /// A piece of output.
    pub fn new(source: &'static str, text: impl Into<String>) -> Self {
        Self { source, text: text.into() }
    }
}
