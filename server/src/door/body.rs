//! Bodies of requests, bounded one by one, for each caller, and all together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use super::answer::{Kind, Refusal};
use super::caller::Caller;
use super::document::memory_of_text;
use crate::lock::lock;

/// One caller may hold this part of the memory for all bodies.
const CALLERS: usize = 4;

/// The memory for the bodies of all requests.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The largest body, in bytes.
    pub(super) cap: usize,
    /// The memory of the largest document that is read from a body, with its text, in bytes.
    document: usize,
    /// All bodies and documents at the same time, in bytes.
    total: usize,
    held: Mutex<HeldBytes>,
}

/// The bytes that arrived and are held.
#[derive(Debug, Default)]
struct HeldBytes {
    all: usize,
    /// Those of each caller that holds any.
    callers: HashMap<Caller, usize>,
}

/// A body, which holds its part of the memory until it is dropped, with that of the document that is read from it.
#[derive(Debug)]
pub(super) struct Held<'a> {
    bytes: Bytes,
    share: Share<'a>,
}

#[derive(Debug)]
struct Share<'a> {
    bodies: &'a Bodies,
    caller: Caller,
    held: usize,
}

impl Bodies {
    pub(super) fn new(cap: usize, document: usize, total: usize) -> Self {
        // A larger one would never have room.
        Self { cap, document: document.max(cap).min(total), total, held: Mutex::default() }
    }

    /// Reads a body. What a caller says that it will send takes no memory before it arrives.
    ///
    /// # Errors
    /// The body is larger than the cap, there is no memory for it beside the others or those of its caller, or the caller
    /// stopped in the middle.
    pub(super) async fn read<B>(&self, caller: Caller, body: B) -> Result<Held<'_>, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let mut share = Share { bodies: self, caller, held: 0 };
        if !usize::try_from(body.size_hint().lower()).is_ok_and(|expected| expected <= self.cap) {
            return Err(self.too_large());
        }
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
                joined.reserve(length);
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
        let bytes = if joined.is_empty() { first } else { joined.freeze() };
        Ok(Held { bytes, share })
    }

    fn too_large(&self) -> Refusal {
        Refusal::new(Kind::TooLarge, format!("the body has more than {} bytes", self.cap))
    }

    fn too_many_values(&self) -> Refusal {
        let detail =
            format!("read as JSON, the body takes more than {} bytes of memory: send fewer values", self.document);
        Refusal::new(Kind::TooLarge, detail)
    }

    /// The memory that bodies hold now, in bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        lock(&self.held).all
    }
}

impl Held<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Holds the memory of the document that is read from the body, `copies` times.
    ///
    /// # Errors
    /// The document takes more memory than one may, or there is none for it beside the others.
    pub(super) fn hold_document(&mut self, copies: usize) -> Result<(), Refusal> {
        self.hold(memory_of_text(&self.bytes).saturating_mul(copies))
    }

    /// Holds more memory.
    ///
    /// # Errors
    /// As for [`hold_document`](Self::hold_document).
    pub(super) fn hold(&mut self, more: usize) -> Result<(), Refusal> {
        let to = self.share.held.saturating_add(more);
        if to > self.share.bodies.document {
            return Err(self.share.bodies.too_many_values());
        }
        self.share.take(to)
    }
}

impl Share<'_> {
    /// Grows to a number of bytes, if it is more than before.
    fn grow(&mut self, to: usize) -> Result<(), Refusal> {
        if to > self.bodies.cap { Err(self.bodies.too_large()) } else { self.take(to) }
    }

    fn take(&mut self, to: usize) -> Result<(), Refusal> {
        let Bodies { document, total, held, .. } = self.bodies;
        let more = to.saturating_sub(self.held);
        if more == 0 {
            return Ok(());
        }
        let mut held = lock(held);
        let all = held.all.saturating_add(more);
        if all > *total {
            return Err(Refusal::new(Kind::Busy, "the bodies of all requests take all of their memory"));
        }
        let of_caller = held.callers.get(&self.caller).copied().unwrap_or_default().saturating_add(more);
        // One document is always a caller's due.
        if of_caller > (*total / CALLERS).max(*document) {
            return Err(Refusal::new(Kind::Busy, "the bodies of this caller take all of its share of the memory"));
        }
        held.all = all;
        held.callers.insert(self.caller.clone(), of_caller);
        self.held += more;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.held == 0 {
            return;
        }
        let mut held = lock(&self.bodies.held);
        held.all = held.all.saturating_sub(self.held);
        if let Entry::Occupied(mut of_caller) = held.callers.entry(self.caller.clone()) {
            let left = of_caller.get().saturating_sub(self.held);
            if left == 0 {
                of_caller.remove();
            } else {
                of_caller.insert(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use http_body_util::Full;
    use hyper::body::{Frame, SizeHint};

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
        let bodies = Bodies::new(10, 10, 100);
        for (body, expected) in
            [(&[][..], ""), (&["abc"], "abc"), (&["", "ab", "", "cd", "e"], "abcde"), (&["0123456789"], "0123456789")]
        {
            let held = bodies.read(Caller::Local, frames(body)).await.unwrap();
            assert_eq!(held.bytes(), expected.as_bytes());
            assert_eq!(bodies.held(), expected.len());
        }
        assert_eq!(bodies.held(), 0);
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_refused_before_it_is_read() {
        let bodies = Bodies::new(10, 10, 100);
        for body in [&["01234567890"][..], &["0123456789", "0"]] {
            assert_eq!(bodies.read(Caller::Local, frames(body)).await.unwrap_err().kind, Kind::TooLarge);
        }
        let refused = bodies.read(Caller::Local, Full::new(Bytes::from_static(b"01234567890"))).await.unwrap_err();
        assert_eq!(refused.kind, Kind::TooLarge);
        assert_eq!(bodies.held(), 0);
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_bound() {
        let bodies = Bodies::new(15, 15, 15);
        let first = bodies.read(Caller::Local, frames(&["01234567"])).await.unwrap();
        assert_eq!(bodies.read(Caller::Local, frames(&["01234567"])).await.unwrap_err().kind, Kind::Busy);
        assert_eq!(bodies.held(), 8);
        let second = bodies.read(Caller::Local, frames(&["0123456"])).await.unwrap();
        assert_eq!(bodies.held(), 15);
        drop((first, second));
        assert_eq!(bodies.held(), 0);
    }

    /// A body that says its length, and does not arrive.
    struct Announced(u64);

    impl Body for Announced {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn a_body_takes_memory_when_it_arrives() {
        let bodies = Bodies::new(10, 10, 10);
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(bodies.read(Caller::Local, Announced(10)))).collect();
        for read in &mut waiting {
            assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(bodies.held(), 0);
        let held = bodies.read(Caller::Local, frames(&["0123456789"])).await.unwrap();
        assert_eq!((held.bytes().len(), bodies.held()), (10, 10));
        let refused = bodies.read(Caller::Local, Announced(11)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::TooLarge);
    }

    #[tokio::test]
    async fn a_caller_has_a_quarter_of_the_memory() {
        let bodies = Bodies::new(10, 10, 80);
        let caller = |name: &str| Caller::Credential(name.into());
        let full = || frames(&["0123456789"]);
        let first = [bodies.read(caller("a"), full()).await.unwrap(), bodies.read(caller("a"), full()).await.unwrap()];
        for _ in 0..2 {
            assert_eq!(bodies.read(caller("a"), frames(&["0"])).await.unwrap_err().kind, Kind::Busy);
        }
        let others = [
            bodies.read(caller("b"), full()).await.unwrap(),
            bodies.read(Caller::Address([192, 0, 2, 1].into()), full()).await.unwrap(),
            bodies.read(Caller::Address([192, 0, 2, 2].into()), full()).await.unwrap(),
            bodies.read(Caller::Local, full()).await.unwrap(),
        ];
        assert_eq!(bodies.held(), 60);
        drop(first);
        let again = bodies.read(caller("a"), full()).await.unwrap();
        drop((others, again));
        assert_eq!(bodies.held(), 0);
        assert!(lock(&bodies.held).callers.is_empty());
    }

    #[tokio::test]
    async fn a_document_takes_the_memory_of_its_values() {
        const DOCUMENT: &str = r#"[{"":0},{"":0},{"":0}]"#;
        let memory = DOCUMENT.len() + memory_of_text(DOCUMENT.as_bytes());
        let caller = |name: &str| Caller::Credential(name.into());
        // Room for three, of which a caller has one.
        let bodies = Bodies::new(100, memory, 3 * memory + 100);
        let mut first = bodies.read(caller("a"), frames(&[DOCUMENT])).await.unwrap();
        first.hold_document(1).unwrap();
        assert_eq!(bodies.held(), memory);
        let refused = first.hold(1).unwrap_err();
        assert!(refused.kind == Kind::TooLarge && refused.line().contains("send fewer values"), "{}", refused.line());
        assert_eq!(bodies.read(caller("a"), frames(&["[]"])).await.unwrap_err().kind, Kind::Busy);
        // The others have their own, until all of it is taken.
        let mut others = Vec::new();
        for name in ["b", "c", "d"] {
            let mut other = bodies.read(caller(name), frames(&[DOCUMENT])).await.unwrap();
            let held = other.hold_document(1);
            assert_eq!(held.map_err(|refused| refused.kind), if name == "d" { Err(Kind::Busy) } else { Ok(()) });
            others.push(other);
        }
        drop(first);
        let mut again = bodies.read(caller("a"), frames(&[DOCUMENT])).await.unwrap();
        // The text is as large as a body may be, and its values are too many.
        assert_eq!(again.hold_document(2).unwrap_err().kind, Kind::TooLarge);
        again.hold_document(1).unwrap();
        drop((others, again));
        assert_eq!(bodies.held(), 0);
        assert!(lock(&bodies.held).callers.is_empty());
    }
}
