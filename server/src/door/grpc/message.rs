//! Messages of gRPC: their frame is one byte of flags, the length in four bytes, and the message.

use bytes::Bytes;

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
        check(body.bytes()).map_err(|reason| Refusal::new(Kind::InvalidRequest, reason))?;
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

/// The message of a small body, if it is exactly one.
pub(super) fn only(body: &Bytes) -> Option<Bytes> {
    check(body).ok().map(|()| body.slice(PREFIX_BYTES..))
}

fn check(body: &[u8]) -> Result<(), &'static str> {
    let Some((&[flags, length @ ..], message)) = body.split_first_chunk::<PREFIX_BYTES>() else {
        return Err("the call has no message");
    };
    if flags != 0 {
        return Err("the message is compressed, and this server takes none that is");
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err("the call is not exactly one message");
    }
    Ok(())
}

/// The frame of a message. None of this server has 4 GiB.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(PREFIX_BYTES.saturating_add(message.len()));
    frame.push(0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::super::super::body::Bodies;
    use super::super::super::caller::Caller;
    use super::*;

    #[tokio::test]
    async fn a_call_is_exactly_one_message_as_it_is() {
        let bodies = Bodies::new(100, 100, 100);
        let read = async |body: Vec<u8>| {
            let held = bodies.read(Caller::Local, Full::new(Bytes::from(body))).await.unwrap();
            Message::of(held).map(|message| message.bytes().to_vec()).map_err(|refused| refused.kind)
        };
        for message in [&b""[..], b"a", b"abc"] {
            assert_eq!(read(frame(message)).await.unwrap(), message);
        }
        let mut compressed = frame(b"abc");
        compressed[0] = 1;
        let mut flagged = frame(b"abc");
        flagged[0] = 0x80;
        let cut = frame(b"abc")[..7].to_vec();
        let twice = [frame(b"abc"), frame(b"")].concat();
        for body in [Vec::new(), vec![0, 0, 0, 0], compressed, flagged, cut, twice] {
            assert_eq!(read(body).await, Err(Kind::InvalidRequest));
        }
        assert_eq!(bodies.held(), 0);
    }
}
