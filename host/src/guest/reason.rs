//! The reason why something inside the host cannot be done, as text.

use std::fmt::{self, Display, Write};

use wasmtime::Error;

use crate::error::LoadError;
use crate::fault::Fault;
use crate::guest::wasmtime_text::BACKTRACE;
use crate::util::memo::StillBeingMade;
use crate::util::text::Bounded;

/// The maximum length of each error in a chain, in bytes.
const MAX_ERROR_BYTES: usize = 1_000;

/// A reason for the operator: why there is no image, no engine, no compiled code. Every error turns into one with `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl Reason {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<StillBeingMade> for Reason {
    fn from(_: StillBeingMade) -> Self {
        Self::new("another thread was still making a part of it at the deadline")
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        Self(error_chain(&error))
    }
}

impl From<wasmparser::BinaryReaderError> for Reason {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Reason {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Reason {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        Self(format!("{}: {}", fault.cause, fault.detail))
    }
}

impl From<LoadError> for Reason {
    fn from(error: LoadError) -> Self {
        Self(error.to_string())
    }
}

/// All errors of a chain in one line, without the backtrace and of bounded length.
pub(crate) fn error_chain(error: &Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = Bounded::of(MAX_ERROR_BYTES, |out| write!(out, "{cause}"));
        if !text.starts_with(BACKTRACE) && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}
