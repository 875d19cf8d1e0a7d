//! The service: each request goes to the task of its route.

use std::fmt::Display;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use super::answer::{self, Answer, Kind, REQUEST_ID, Refusal};
use super::doors::{Doors, Listener};
use super::exchange::{Incoming, request_id};
use super::panics::unless_it_panics;
use super::peer::Peer;
use super::proxy::Denied;
use super::route::{self, Route, Task};
use super::{authzen, forward_auth, native, openapi};
use crate::config::listener::Door;
use crate::observe::health::HealthReport;
use crate::observe::metrics::exposition::Exposition;

impl Doors {
    /// Answers a request to a listener with these doors. The answer to a caller that has gone is lost.
    pub async fn answer<B>(&self, listener: &Listener, request: Request<B>, peer: &dyn Peer) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let received = Instant::now();
        let (parts, body) = request.into_parts();
        let mut answer = match route::find(listener.doors, parts.uri.path()) {
            None => Refusal::new(Kind::NotFound, "the listener has no route of this path").problem(),
            Some((route, tenant)) => {
                let headers = &parts.headers;
                let incoming = Incoming { door: route.door, tenant, headers, peer, received };
                let answer = match route.task {
                    Task::ForwardAuth(dialect) => {
                        let route = (route, dialect);
                        let answer = Box::pin(forward_auth::answer(self, listener, route, &parts, &incoming, body));
                        let answer = unless_it_panics(answer).await;
                        answer.unwrap_or_else(|| forward_auth::denial(&Denied::UNDECIDED, dialect))
                    }
                    // The future has 25 KiB, which hyper would copy several times.
                    _ => match Box::pin(self.serve(listener, route, &parts, &incoming, body)).await {
                        Ok(answer) => answer,
                        Err(refusal) if route.door == Door::Authzen => refusal.message(),
                        Err(refusal) => refusal.problem(),
                    },
                };
                self.observers().metrics().answered(route.door.as_str(), answer.status().as_u16());
                answer
            }
        };
        // Two readers may disagree where a request with this header ends (RFC 9112 section 6.1): nothing that follows it on
        // its connection is read.
        if parts.headers.contains_key(TRANSFER_ENCODING) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(Some(id)) = request_id(&parts.headers) {
            answer.headers_mut().insert(REQUEST_ID, id.clone());
        }
        answer
    }

    async fn serve<B>(
        &self,
        listener: &Listener,
        route: &Route,
        parts: &Parts,
        incoming: &Incoming<'_>,
        body: B,
    ) -> Result<Answer, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let is_allowed = match parts.method {
            Method::POST => route.takes_body(),
            Method::GET | Method::HEAD => !route.takes_body(),
            _ => false,
        };
        if !is_allowed {
            let allow = Some(route.methods());
            return Err(Refusal { allow, ..Refusal::new(Kind::MethodNotAllowed, format!("use {}", route.methods())) });
        }
        if !route.takes_body() {
            return Ok(match route.task {
                Task::Metadata => authzen::metadata(self.public_url(), incoming.tenant)?,
                Task::OpenApi => answer::json(StatusCode::OK, &openapi::document(listener.doors, self.public_url())),
                Task::Live => answer::text(StatusCode::OK, "ok\n"),
                Task::Ready => ready(&self.health().report()),
                Task::Metrics => metrics(self.observers().metrics_text()),
                Task::TenantMetrics => metrics(self.observers().metrics().tenant_text()),
                _ => Refusal::new(Kind::NotFound, "the listener has no route of this path").problem(),
            });
        }
        request_id(incoming.headers)?;
        let caller = self.authenticate(listener, incoming)?;
        let mut body = self.bodies().read(caller, body).await?;
        // The door of AuthZEN makes contexts of the document.
        body.hold_document(if route.door == Door::Authzen { 2 } else { 1 })?;
        incoming.peer.decides();
        match route.task {
            Task::CheckBatch => native::check_batch(self, incoming, body.bytes()).await,
            Task::Evaluation => authzen::evaluation(self, incoming, body.bytes()).await,
            Task::Evaluations => authzen::evaluations(self, incoming, &mut body).await,
            _ => native::check(self, incoming, body.bytes()).await,
        }
    }
}

/// Whether the server is ready, and why it is not.
fn ready(report: &HealthReport) -> Answer {
    answer::json(if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, report)
}

/// Metrics for Prometheus.
fn metrics(text: String) -> Answer {
    answer::with_body(StatusCode::OK, HeaderValue::from_static(Exposition::CONTENT_TYPE), text)
}
