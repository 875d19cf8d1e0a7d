//! The door of Envoy: its external authorization over gRPC, version 3.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::HeaderMap;
use prost::Message as _;

use super::answer::Refusal;
use super::doors::{Doors, Listener};
use super::grpc::Message;
use super::identity::Identity;
use super::peer::Peer;

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

/// Answers a call with a `CheckResponse`. There is no error: Envoy may allow what an error answers.
pub(in crate::door) async fn check(_doors: &Doors, _call: Call<'_>) -> Bytes {
    CheckResponse {
        status: Some(Status { code: 7 }),
        denied_response: Some(DeniedResponse { status: Some(HttpStatus { code: 403 }) }),
    }
    .encode_to_vec()
    .into()
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied_response: Option<DeniedResponse>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DeniedResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<HttpStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}
