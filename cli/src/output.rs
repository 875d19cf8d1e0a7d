//! What a command prints.

use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::exit::Exit;
use crate::text;

/// What a command leaves behind: nothing is printed before all of it is known.
#[derive(Debug)]
pub(crate) struct Output {
    /// For standard output.
    pub(crate) text: String,
    /// For the shell.
    pub(crate) exit: Exit,
}

impl Output {
    /// What was asked for.
    pub(crate) fn success(text: String) -> Self {
        Self { text, exit: Exit::Success }
    }
}

/// One line of JSON.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string(value).context("cannot write the answer as JSON")?;
    Ok(text::escaped_json(&json) + "\n")
}

/// JSON to be read by people too.
pub(crate) fn pretty_json<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string_pretty(value).context("cannot write the answer as JSON")?;
    Ok(text::escaped_json(&json) + "\n")
}

/// Writes all of `text` to standard output. That it cannot is an error: an answer that was not delivered allows
/// nothing.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to standard output")
}
