//! Plugins written as WebAssembly text, in `fixtures/`.
//!
//! Two notations are added to the text format:
//!
//! - `(@include "name")` is replaced with `fixtures/include/name.wat`. The types of the contract and the lifting of an
//!   export are the same in all fixtures, so each file contains only its own subject.
//! - `(@name)` is a blank, which [`filled`] replaces with a text. The text format reads a blank that is not filled as an
//!   annotation and ignores it. So a blank that stands alone, such as `(@fields)`, is optional, and one that stands for
//!   an operand is not: without it the text is invalid.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

/// The texts that fixtures include, by name.
const INCLUDES: &[(&str, &str)] = &[
    ("check", include_str!("../fixtures/include/check.wat")),
    ("contract", include_str!("../fixtures/include/contract.wat")),
    ("memory", include_str!("../fixtures/include/memory.wat")),
    ("poll", include_str!("../fixtures/include/poll.wat")),
    ("settings", include_str!("../fixtures/include/settings.wat")),
    ("stdout", include_str!("../fixtures/include/stdout.wat")),
    ("step-up", include_str!("../fixtures/include/step-up.wat")),
];

/// Assembles the text of a fixture into the bytes of a plugin.
///
/// # Errors
/// If the text is not WebAssembly text, or a string in it has a blank that was not filled. The plugin may be invalid.
pub fn assemble(text: &str) -> Result<Vec<u8>> {
    ensure!(!text.contains("\"(@"), "a blank in a string was not filled");
    wat::parse_str(expanded(text)).context("the text is not WebAssembly text")
}

/// Replaces each `(@include "name")` in the text of a fixture.
#[must_use]
pub fn expanded(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, included) in INCLUDES {
        text = text.replace(&format!("(@include \"{name}\")"), included.trim());
    }
    text
}

/// Fills blanks in the text of a fixture: each `(@name)` becomes the text that is given with the name.
///
/// # Panics
/// If the fixture does not have one of the blanks.
#[must_use]
pub fn filled(text: &str, blanks: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in blanks {
        let blank = format!("(@{name})");
        assert!(text.contains(&blank), "the fixture does not have the blank `{blank}`");
        text = text.replace(&blank, value);
    }
    text
}

/// Replaces the only occurrence of `from` in the text of a fixture.
///
/// # Panics
/// If `from` does not occur exactly once: the test would run a different plugin than the one it describes.
#[must_use]
pub fn replaced(text: &str, from: &str, to: &str) -> String {
    let count = text.matches(from).count();
    assert_eq!(count, 1, "`{from}` occurs {count} times in the fixture, and not once");
    text.replace(from, to)
}

/// The bytes of a plugin that denies with `message`, which may be any bytes.
///
/// # Errors
/// See [`assemble`].
pub fn denies_with(message: &[u8]) -> Result<Vec<u8>> {
    let text = include_str!("../fixtures/message.wat");
    assemble(&filled(text, &[("message", &literal(message)), ("length", &message.len().to_string())]))
}

/// A string literal of the text format for any bytes.
#[must_use]
pub fn literal(bytes: &[u8]) -> String {
    let mut literal = String::with_capacity(bytes.len() * 3 + 2);
    literal.push('"');
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(literal, "\\{byte:02x}");
    }
    literal.push('"');
    literal
}
