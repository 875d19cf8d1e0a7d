//! Errors of a command, on standard error.

use anyhow::Error;
use guardhouse::{ConfigError, LoadError};

use crate::interrupt::Interrupted;
use crate::progress;
use crate::text::{escaped, escaped_lines};

/// Prints an error. If standard error is closed, the exit code still reports it.
pub(crate) fn print(error: &Error) {
    let _ = progress::write(format!("error: {}\n", text(error)).as_bytes());
}

/// The text of an error. It may quote a plugin, so control characters are escaped.
pub(crate) fn text(error: &Error) -> String {
    let interrupted = error.downcast_ref::<Interrupted>();
    let text = interrupted.map_or_else(|| format!("{error:#}"), ToString::to_string);
    if has_output(error) { escaped_lines(&text) } else { escaped(&text) }
}

/// Whether an error contains the output of a plugin, which may have several lines.
fn has_output(error: &Error) -> bool {
    let configuring = error.downcast_ref().and_then(|error| match error {
        ConfigError::Fault(fault) => Some(fault),
        _ => None,
    });
    let loading = error.downcast_ref().and_then(|error| match error {
        LoadError::Schema(fault) => Some(fault),
        _ => None,
    });
    configuring.or(loading).is_some_and(|fault| !fault.logs.is_empty())
}
