//! The door of Envoy: its external authorization over gRPC, version 3.

mod answer;
mod document;
mod json;
mod memory;
mod messages;
mod protojson;
mod request;
mod wire;

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use prost::Message as _;

use self::answer::CheckAnswer;
pub use self::document::{CheckDocument, CheckDocumentContext, CheckDocumentError};
pub use self::protojson::FieldError;
use self::wire::CheckRequest;
use super::answer::Refusal;
use super::doors::{Doors, Listener};
use super::exchange::{Incoming, TRACE_PARENT};
use super::grpc::Message;
use super::identity::Identity;
use super::peer::Peer;
use super::proxy::{self, Denied, InvalidRequest, ProxyRequest};
use crate::config::listener::Door;
use crate::tenant_name::TenantName;

/// One call of `Check`.
pub(in crate::door) struct Call<'a> {
    /// The listener that it came in on.
    pub(in crate::door) listener: &'a Listener,
    /// The metadata of the call, which are not the headers of the request that is decided.
    pub(in crate::door) headers: &'a HeaderMap,
    /// The other end of the connection.
    pub(in crate::door) peer: &'a dyn Peer,
    /// The time at which the call arrived.
    pub(in crate::door) received: Instant,
    /// The time that the caller waits, less what the answer takes on its way; none if it does not say so.
    pub(in crate::door) deadline: Option<Duration>,
    /// The sender and its message, or why there is none.
    pub(in crate::door) request: Result<(Identity, Message<'a>), Refusal>,
}

/// Answers a call with a `CheckResponse`, never with an error, which Envoy may take for an allow.
pub(in crate::door) async fn check(doors: &Doors, call: Call<'_>) -> Bytes {
    match decide(doors, call).await {
        Some(answer) => answer.encode(),
        None => undecided(),
    }
}

/// The answer to a call about which nothing is decided.
pub(in crate::door) fn undecided() -> Bytes {
    CheckAnswer::denied(&Denied::UNDECIDED).encode()
}

/// Decides a call; none if nothing is decided.
async fn decide(doors: &Doors, call: Call<'_>) -> Option<CheckAnswer> {
    let Call { listener, headers, peer, received, deadline, request } = call;
    let (identity, mut message) = request.ok()?;
    message.hold(memory::memory_of(message.bytes())).ok()?;
    let message = CheckRequest::decode(message.bytes());
    let attributes = message.as_ref().ok().and_then(|message| message.attributes.as_ref());
    let of_route = attributes.and_then(|attributes| attributes.context_extensions.get(request::TENANT));
    let tenant = of_route.map(String::as_str).or(listener.tenant.as_ref().map(TenantName::as_str)).unwrap_or_default();
    identity.require(Door::ExtAuthz, tenant).ok()?;
    let request = match (&message, attributes) {
        (Err(_), _) => Err(InvalidRequest::new("the message is not a `CheckRequest`")),
        (Ok(_), None) => Err(InvalidRequest::new("the call has no attributes")),
        (Ok(_), Some(attributes)) => request::request(attributes),
    };
    let headers = exchange_headers(headers, request.as_ref().ok());
    let incoming = Incoming { door: Door::ExtAuthz, tenant, headers: &headers, peer, received };
    let outcome = proxy::decide(doors, &incoming, request, deadline).await?;
    Some(CheckAnswer::of(&outcome))
}

/// The headers by which a request is found again: its id is that of the request, and its trace that of the call.
fn exchange_headers(call: &HeaderMap, request: Option<&ProxyRequest<'_>>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let id = HeaderName::from_static("x-request-id");
    let of_request = request.into_iter().flat_map(|request| request.lines(id.as_str()));
    let ids: Vec<HeaderValue> = of_request.take(2).filter_map(|value| HeaderValue::from_bytes(value).ok()).collect();
    if let [only] = &ids[..] {
        headers.insert(id, only.clone());
    }
    let mut traces = call.get_all(TRACE_PARENT).iter();
    if let (Some(trace), None) = (traces.next(), traces.next()) {
        headers.insert(TRACE_PARENT, trace.clone());
    }
    headers
}

#[cfg(test)]
mod tests;
