//! Bodies of requests, bounded one by one and all together.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use super::answer::{Kind, Refusal};

/// The memory for the bodies of all requests.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The largest body, in bytes.
    pub(super) cap: usize,
    /// All bodies at the same time, in bytes.
    pub(super) total: usize,
    held: AtomicUsize,
}

/// A body, which holds its part of the memory until it is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    bytes: Bytes,
    _share: Share<'a>,
}

#[derive(Debug)]
struct Share<'a> {
    bodies: &'a Bodies,
    held: usize,
}

impl Bodies {
    pub(super) fn new(cap: usize, total: usize) -> Self {
        Self { cap, total, held: AtomicUsize::new(0) }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// The body is larger than the cap, there is no memory for it beside the others, or the caller stopped in the middle.
    pub(super) async fn read<B>(&self, body: B) -> Result<Held<'_>, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let mut share = Share { bodies: self, held: 0 };
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        share.grow(expected)?;
        let mut body = std::pin::pin!(body);
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| Refusal::new(Kind::InvalidRequest, format!("the body cannot be read: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = first.len().max(joined.len()).saturating_add(data.len());
            share.grow(length)?;
            if first.is_empty() && joined.is_empty() {
                first = data;
                continue;
            }
            if joined.is_empty() {
                joined.reserve(expected.max(length));
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
        let bytes = if joined.is_empty() { first } else { joined.freeze() };
        Ok(Held { bytes, _share: share })
    }

    /// The memory that bodies hold now, in bytes.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Held<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share<'_> {
    /// Grows to a number of bytes, if it is more than before.
    fn grow(&mut self, to: usize) -> Result<(), Refusal> {
        let Bodies { cap, total, held } = self.bodies;
        if to > *cap {
            return Err(Refusal::new(Kind::TooLarge, format!("the body has more than {cap} bytes")));
        }
        let more = to.saturating_sub(self.held);
        // What is taken is given back when the share is dropped, also if it was too much.
        self.held += more;
        if held.fetch_add(more, Ordering::Relaxed).saturating_add(more) > *total {
            return Err(Refusal::new(Kind::Busy, "the bodies of all requests take all of their memory"));
        }
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body_util::Full;
    use hyper::body::Frame;

    use super::*;

    /// A body of frames, whose length is not known beforehand.
    struct Frames(VecDeque<&'static str>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|frame| Ok(Frame::data(Bytes::from_static(frame.as_bytes())))))
        }
    }

    fn frames(frames: &[&'static str]) -> Frames {
        Frames(frames.to_vec().into())
    }

    #[tokio::test]
    async fn a_body_is_what_its_frames_say_together() {
        let bodies = Bodies::new(10, 100);
        for (body, expected) in
            [(&[][..], ""), (&["abc"], "abc"), (&["", "ab", "", "cd", "e"], "abcde"), (&["0123456789"], "0123456789")]
        {
            let held = bodies.read(frames(body)).await.unwrap();
            assert_eq!(held.bytes(), expected.as_bytes());
            assert_eq!(bodies.held(), expected.len());
        }
        assert_eq!(bodies.held(), 0);
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_refused_before_it_is_read() {
        let bodies = Bodies::new(10, 100);
        for body in [&["01234567890"][..], &["0123456789", "0"]] {
            assert_eq!(bodies.read(frames(body)).await.unwrap_err().kind, Kind::TooLarge);
        }
        let refused = bodies.read(Full::new(Bytes::from_static(b"01234567890"))).await.unwrap_err();
        assert_eq!(refused.kind, Kind::TooLarge);
        assert_eq!(bodies.held(), 0);
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_bound() {
        let bodies = Bodies::new(10, 15);
        let first = bodies.read(frames(&["01234567"])).await.unwrap();
        assert_eq!(bodies.read(frames(&["01234567"])).await.unwrap_err().kind, Kind::Busy);
        assert_eq!(bodies.held(), 8);
        let second = bodies.read(frames(&["0123456"])).await.unwrap();
        assert_eq!(bodies.held(), 15);
        drop((first, second));
        assert_eq!(bodies.held(), 0);
    }
}
