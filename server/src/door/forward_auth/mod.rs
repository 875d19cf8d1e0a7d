//! The door of proxies that ask about each request with a request of their own: nginx, Caddy, Traefik, and Envoy over
//! HTTP.
//!
//! Each dialect has a route of its own, and its headers are the only ones that are read: those of another dialect may
//! come from the end user.

mod dialect;

use std::fmt::Display;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

pub(super) use self::dialect::Dialect;
use super::answer::{Answer, DECISION_ID, NO_STORE, TEXT};
use super::doors::{Doors, Listener};
use super::exchange::Incoming;
use super::proxy::{self, Denied, InvalidRequest, Outcome};
use super::route::Route;

/// The most bytes of a body that are thrown away. What a proxy asks is in the head of its request.
const MAX_BODY_BYTES: usize = 64 << 10;

/// How the body of a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyEnd {
    Read,
    /// The rest of it is not read.
    TooLarge,
    Broken,
}

/// Answers a proxy, never with an error, which it may take for an allow.
pub(super) async fn answer<B>(
    doors: &Doors,
    listener: &Listener,
    (route, dialect): (&Route, Dialect),
    parts: &Parts,
    incoming: &Incoming<'_>,
    body: B,
) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    if doors.authenticate(listener, incoming).is_err() {
        return denial(&Denied::UNDECIDED, dialect);
    }
    let end = read(body).await;
    incoming.peer.decides();
    let request = match end {
        BodyEnd::Broken => Err(InvalidRequest::new("the body cannot be read")),
        BodyEnd::Read | BodyEnd::TooLarge => dialect.request(parts, route.behind(incoming.tenant, &parts.uri)),
    };
    let outcome = proxy::decide(doors, incoming, request, dialect.deadline(incoming.headers)).await;
    let mut answer = match outcome {
        Some(Outcome::Allowed(allowed)) => {
            let mut answer = empty(StatusCode::OK);
            answer.headers_mut().extend(allowed.identity().headers().iter().cloned());
            add_id(&mut answer, allowed.id().to_string());
            answer
        }
        Some(Outcome::Denied(denied)) => denial(&denied, dialect),
        // Nobody reads it.
        None => denial(&Denied::UNDECIDED, dialect),
    };
    if end != BodyEnd::Read {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// The answer of a denial.
pub(super) fn denial(denied: &Denied, dialect: Dialect) -> Answer {
    let Denied { status, id, challenge, message } = denied;
    let mut answer = empty(dialect.status(*status));
    if let Some(message) = message {
        *answer.body_mut() = Full::new(message.clone().into());
        answer.headers_mut().insert(CONTENT_TYPE, TEXT);
    }
    if let Some(challenge) = challenge {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
    }
    if let Some(id) = id {
        add_id(&mut answer, id.to_string());
    }
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}

fn add_id(answer: &mut Answer, id: String) {
    if let Ok(id) = HeaderValue::try_from(id) {
        answer.headers_mut().insert(DECISION_ID, id);
    }
}

/// Reads a body, and throws it away.
async fn read<B>(body: B) -> BodyEnd
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut left = MAX_BODY_BYTES;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return BodyEnd::Broken };
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return BodyEnd::TooLarge,
        }
    }
    BodyEnd::Read
}
