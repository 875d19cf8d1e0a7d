//! Untrusted text, shortened before it enters an error or an event.

use std::fmt::{self, Write};

/// The maximum length of an untrusted text in an error, in bytes.
const MAX_BYTES: usize = 300;

/// The beginning of a text: at most 300 bytes, with `…` where it was cut.
pub(crate) fn clip(text: &str) -> String {
    if text.len() <= MAX_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_BYTES)])
}

/// At most ten names in backticks, each clipped.
pub(crate) fn quoted(names: &[impl ToString]) -> String {
    const MAX_NAMES: usize = 10;
    let mut text = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| format!("`{}`", clip(&name.to_string())))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > MAX_NAMES {
        let _ = write!(text, " and {} more", names.len() - MAX_NAMES);
    }
    text
}

/// A text with a maximum length. Writing past the maximum is an error, which stops the writer early: formatting an
/// untrusted value then takes bounded time and memory.
pub(crate) struct Bounded {
    text: String,
    cap: usize,
}

impl Bounded {
    /// The text that `write` produces, cut at `cap` bytes.
    pub(crate) fn of(cap: usize, write: impl FnOnce(&mut Self) -> fmt::Result) -> String {
        let mut bounded = Self { text: String::new(), cap };
        if write(&mut bounded).is_err() {
            bounded.text.push('…');
        }
        bounded.text
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = self.cap - self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(left)]);
        if text.len() > left { Err(fmt::Error) } else { Ok(()) }
    }
}
