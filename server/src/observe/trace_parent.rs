//! Trace parents: the place of a request in the trace of its caller (W3C Trace Context, section 3.2).

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A valid `traceparent`.
///
/// Only its ids and flags are kept: a later version may have more parts, which version 00 does not pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: TraceId,
    parent: SpanId,
    flags: u8,
}

/// The id of a trace. It is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

/// The id of a span, which is one step of a trace. It is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(NonZeroU64);

impl TraceParent {
    /// The length of version 00, in bytes. A later version is at least as long.
    const BYTES: usize = 55;

    /// The id of the trace.
    #[must_use]
    pub fn trace(self) -> TraceId {
        self.trace
    }

    /// The span of the caller, in which the request was made.
    #[must_use]
    pub fn parent(self) -> SpanId {
        self.parent
    }

    /// Whether the caller may have recorded its span (the flag `sampled`).
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    /// A span of `tracing` for the work on the request. Events inside it have the ids.
    #[must_use]
    pub fn span(self) -> tracing::Span {
        tracing::info_span!(target: "guardhouse::server", "request", trace = %self.trace, parent = %self.parent)
    }
}

/// Reads the value of the header `traceparent`.
impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(value: &str) -> Result<Self, TraceParentError> {
        let parse = || {
            let mut parts = value.splitn(5, '-');
            let version = lower_hex(parts.next()?, 2)?;
            let trace = u128::from_str_radix(lower_hex(parts.next()?, 32)?, 16).ok()?;
            let parent = u64::from_str_radix(lower_hex(parts.next()?, 16)?, 16).ok()?;
            let flags = u8::from_str_radix(lower_hex(parts.next()?, 2)?, 16).ok()?;
            let has_rest = value.len() > Self::BYTES;
            if version == "ff" || (version == "00" && has_rest) {
                return None;
            }
            Some(Self { trace: TraceId(NonZeroU128::new(trace)?), parent: SpanId(NonZeroU64::new(parent)?), flags })
        };
        parse().ok_or(TraceParentError)
    }
}

/// A text of `length` digits, which are hexadecimal and in lower case.
fn lower_hex(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}

/// Writes version 00.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.parent, self.flags)
    }
}

/// A text that is not a `traceparent`. The error does not repeat it, because it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a `traceparent` of W3C Trace Context")]
pub struct TraceParentError;

impl SpanId {
    /// A new id.
    #[must_use]
    pub fn random() -> Self {
        // Zero is as likely as any other number, and not an id.
        Self(NonZeroU64::new(rand::random()).unwrap_or(NonZeroU64::MIN))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
