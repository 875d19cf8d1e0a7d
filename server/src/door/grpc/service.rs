//! The service: each call goes to its method.

use std::error::Error;
use std::fmt::Display;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request};
use tokio::sync::watch;

use super::super::answer::{Kind, Refusal};
use super::super::caller::Caller;
use super::super::doors::{Doors, Listener};
use super::super::ext_authz::{self, Call};
use super::super::identity::Identity;
use super::super::panics::unless_it_panics;
use super::super::peer::Peer;
use super::answer::{Answer, Code, message, status};
use super::health::MAX_BYTES;
use super::message::Message;
use super::timeout;
use crate::config::listener::Door;

/// The service of Envoy.
pub(super) const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";

/// The time in which the rest of a refused call is thrown away. Answered before, its stream would be reset, and a client
/// might take that for an error.
const LINGER: Duration = Duration::from_secs(1);

/// The bytes that are thrown away.
const LINGER_BYTES: usize = 16 << 20;

impl Doors {
    /// Answers a call over HTTP/2 to a listener. The answer to a caller that has gone is lost. A stream of states ends when
    /// `closing` says so.
    pub(crate) async fn answer_call<B>(
        &self,
        listener: &Listener,
        request: Request<B>,
        peer: &dyn Peer,
        closing: watch::Receiver<bool>,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Display + Into<Box<dyn Error + Send + Sync>>,
    {
        let received = Instant::now();
        let (parts, mut body) = request.into_parts();
        match parts.uri.path() {
            "/envoy.service.auth.v3.Authorization/Check" if listener.doors.has(Door::ExtAuthz) => {
                let answer = self.check_call(listener, &parts, &mut body, peer, received).await;
                self.observers().metrics().answered(Door::ExtAuthz.as_str(), answer.status().as_u16());
                answer
            }
            "/grpc.health.v1.Health/Check" => match self.small(body).await {
                Some(message) => self.serving().check(&message),
                None => status(Code::InvalidArgument, "the call is not one small message"),
            },
            "/grpc.health.v1.Health/Watch" => match self.small(body).await {
                Some(message) => self.serving().watch(&message, Caller::unknown(peer), closing),
                None => status(Code::InvalidArgument, "the call is not one small message"),
            },
            _ => status(Code::Unimplemented, "the listener has no such method"),
        }
    }

    /// Answers a call of `Check`. Whatever is wrong with it, the answer is a denial, and no error.
    async fn check_call<B>(
        &self,
        listener: &Listener,
        parts: &Parts,
        body: &mut B,
        peer: &dyn Peer,
        received: Instant,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Display,
    {
        let headers = &parts.headers;
        // The future has 25 KiB, which hyper and the task would copy several times.
        let checked = Box::pin(self.check_message(listener, headers, body, peer, received));
        let checked = unless_it_panics(checked).await;
        message(&checked.unwrap_or_else(ext_authz::undecided))
    }

    /// The `CheckResponse` to a call.
    async fn check_message<B>(
        &self,
        listener: &Listener,
        headers: &HeaderMap,
        body: &mut B,
        peer: &dyn Peer,
        received: Instant,
    ) -> Bytes
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Display,
    {
        let identity = self.identify(listener, Door::ExtAuthz, headers, peer);
        let request = match identity {
            Ok(identity) => self.message(identity, body).await,
            Err(refusal) => Err(refusal),
        };
        if request.is_err() {
            throw_away(body).await;
        } else {
            peer.decides();
        }
        let deadline = timeout::deadline(headers);
        ext_authz::check(self, Call { listener, headers, peer, received, deadline, request }).await
    }

    /// Reads the only message of a call.
    async fn message<B>(&self, identity: Identity, body: &mut B) -> Result<(Identity, Message<'_>), Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Display,
    {
        let read = self.bodies().read(identity.caller().clone(), body);
        let Ok(read) = tokio::time::timeout(self.body_time(), read).await else {
            return Err(Refusal::new(Kind::InvalidRequest, "the message did not arrive in time"));
        };
        Ok((identity, Message::of(read?)?))
    }

    /// Reads the message of a call that anybody may make; none if it is not one, too large, or late.
    async fn small<B>(&self, body: B) -> Option<Bytes>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let read = Limited::new(body, MAX_BYTES).collect();
        let read = tokio::time::timeout(self.body_time(), read).await.ok()?.ok()?.to_bytes();
        super::message::only(&read)
    }
}

/// Reads the rest of a call, and keeps nothing of it.
async fn throw_away<B: Body<Data = Bytes> + Unpin>(body: &mut B) {
    let mut left = LINGER_BYTES;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}
