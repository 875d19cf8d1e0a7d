//! The output of a command.

use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::exit::Exit;
use crate::text;

/// The output of a command. It is printed only when it is complete.
#[derive(Debug)]
pub(crate) struct Output {
    /// The text for standard output.
    pub(crate) text: String,
    /// The exit code.
    pub(crate) exit: Exit,
}

impl Output {
    /// The output of a command that succeeded.
    pub(crate) fn success(text: String) -> Self {
        Self { text, exit: Exit::Success }
    }
}

/// The JSON form on one line.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string(value).context("cannot write the answer as JSON")?;
    Ok(text::escaped_json(&json) + "\n")
}

/// The JSON form on several indented lines.
pub(crate) fn pretty_json<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string_pretty(value).context("cannot write the answer as JSON")?;
    Ok(text::escaped_json(&json) + "\n")
}

/// Writes `text` to standard output. A failure to write is an error, so that the exit code does not allow what the
/// output could not report.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to standard output")
}
