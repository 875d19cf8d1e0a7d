//! Plugins written as WebAssembly text, in `fixtures/`.
//!
//! `(@include "name")` stands for `fixtures/include/name.wat`: the contract's types and the lifting of an export are
//! the same for all of them, and what is left in each file is what that file is about.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

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

/// The text of a fixture with everything that it includes.
#[must_use]
pub fn expand(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, included) in INCLUDES {
        text = text.replace(&format!("(@include \"{name}\")"), included.trim());
    }
    text
}

/// The bytes of a plugin.
///
/// # Errors
/// If the text is not WebAssembly text; what it says need not be valid.
pub fn assemble(text: &str) -> Result<Vec<u8>> {
    wat::parse_str(expand(text)).context("the text is not WebAssembly text")
}

/// The bytes of a plugin that denies with `message`, which may be any bytes.
///
/// # Errors
/// See [`assemble`].
pub fn denies_with(message: &[u8]) -> Result<Vec<u8>> {
    let text = include_str!("../fixtures/message.wat");
    assemble(&text.replace("(@message)", &literal(message)).replace("(@length)", &message.len().to_string()))
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
