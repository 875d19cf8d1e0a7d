//! Answers of gRPC: a message and a status, or a status alone.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response};

use super::health::Watch;
use super::message::frame;

/// An answer to a call.
pub(crate) type Answer = Response<AnswerBody>;

/// The status of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    InvalidArgument = 3,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody(Content);

#[derive(Debug)]
enum Content {
    /// The parts of a message, and the status after them.
    Message {
        parts: VecDeque<Bytes>,
        trailers: Option<HeaderMap>,
    },
    /// The states of a service, for as long as somebody listens.
    Watch(Box<Watch>),
    Empty,
}

impl AnswerBody {
    /// Whether it ends by itself.
    pub(crate) fn is_short(&self) -> bool {
        !matches!(self.0, Content::Watch(_))
    }
}

/// An answer of one message.
pub(super) fn message(message: &[u8]) -> Answer {
    let mut first = Bytes::from(frame(message));
    // The last byte waits until the client has room for all before it: so the stream is open, and within its time, until
    // then.
    let last = first.split_off(first.len().saturating_sub(1));
    let parts = [first, last].into();
    answer(Content::Message { parts, trailers: Some(trailers(Code::Ok)) })
}

/// An answer of the states of a service.
pub(super) fn watch(watch: Watch) -> Answer {
    answer(Content::Watch(Box::new(watch)))
}

/// An answer without a message.
pub(super) fn status(code: Code, reason: &'static str) -> Answer {
    let mut answer = answer(Content::Empty);
    answer.headers_mut().extend(trailers(code));
    answer.headers_mut().insert(MESSAGE, HeaderValue::from_static(reason));
    answer
}

/// What follows the last message.
pub(super) fn trailers(code: Code) -> HeaderMap {
    HeaderMap::from_iter([(STATUS, HeaderValue::from(code as u16))])
}

fn answer(content: Content) -> Answer {
    let mut answer = Response::new(AnswerBody(content));
    answer.headers_mut().insert(CONTENT_TYPE, GRPC);
    answer
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match &mut self.get_mut().0 {
            Content::Message { parts, trailers } => {
                let data = parts.pop_front().map(Frame::data);
                data.or_else(|| trailers.take().map(Frame::trailers))
            }
            Content::Watch(watch) => std::task::ready!(watch.poll_next(cx)),
            Content::Empty => None,
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Empty)
    }
}
