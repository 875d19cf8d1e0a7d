//! Messages of gRPC: their frame is one byte of flags, the length in four bytes, and the message.

use super::super::answer::{Kind, Refusal};
use super::super::body::Held;

/// The bytes before a message.
const PREFIX_BYTES: usize = 5;

/// The only message of a call, which holds its part of the memory for bodies.
#[derive(Debug)]
pub(in crate::door) struct Message<'a>(Held<'a>);

impl<'a> Message<'a> {
    /// The message of a body.
    ///
    /// # Errors
    /// The body is not one message as it is: it is compressed, cut off, or more than one.
    pub(super) fn of(body: Held<'a>) -> Result<Self, Refusal> {
        let invalid = |reason: &str| Err(Refusal::new(Kind::InvalidRequest, reason));
        let Some((&[flags, length @ ..], message)) = body.bytes().split_first_chunk::<PREFIX_BYTES>() else {
            return invalid("the call has no message");
        };
        if flags != 0 {
            return invalid("the message is compressed, and this server takes none that is");
        }
        if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
            return invalid("the call is not exactly one message");
        }
        Ok(Self(body))
    }

    /// The bytes of the message.
    pub(in crate::door) fn bytes(&self) -> &[u8] {
        self.0.bytes().get(PREFIX_BYTES..).unwrap_or_default()
    }

    /// Holds more memory, for what is read from the message.
    ///
    /// # Errors
    /// One request takes more memory than it may, or there is none for it beside the others.
    pub(in crate::door) fn hold(&mut self, more: usize) -> Result<(), Refusal> {
        self.0.hold(more)
    }
}

/// The frame of a message.
pub(super) fn frame(message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut frame = Vec::with_capacity(PREFIX_BYTES.saturating_add(message.len()));
    frame.push(0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    Some(frame)
}
