//! Doors: the interfaces over HTTP through which enforcement points ask for decisions, and operators for the state of
//! the server.

pub mod answer;
mod authzen;
mod body;
mod exchange;
mod native;
pub mod peer;
mod route;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use guardhouse::AuthContext;
use hyper::body::Body;
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use self::answer::{Answer, DECISION_ID, Kind, REQUEST_ID, Refusal};
use self::body::Bodies;
use self::exchange::{Incoming, request_id};
use self::peer::Peer;
use self::route::{Route, Task};
use crate::config::ServerConfig;
use crate::config::connections::ConnectionLimits;
use crate::config::credentials::{Credentials, Refused};
use crate::config::listener::{Door, DoorSet};
use crate::config::tenant::AllTenantSettings;
use crate::decided::Decided;
use crate::observe::Observers;
use crate::observe::health::{Health, HealthReport, ReadyRule};
use crate::observe::metrics::exposition::Exposition;
use crate::tenants::Tenants;

/// The doors of a server. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Doors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenants: Tenants,
    observers: Observers,
    bodies: Bodies,
    batch: usize,
    public_url: Option<String>,
    settings: ArcSwap<AllTenantSettings>,
    credentials: ArcSwap<Credentials>,
    health: Health,
}

impl Doors {
    /// The doors to some tenants, as a configuration describes them.
    #[must_use]
    pub fn new(tenants: Tenants, observers: Observers, config: &ServerConfig, credentials: Credentials) -> Self {
        let ConnectionLimits { body_bytes, all_bodies_bytes, batch, .. } = config.connections;
        Self(Arc::new(Inner {
            health: Health::new(tenants.clone(), ReadyRule::default()),
            tenants,
            observers,
            bodies: Bodies::new(body_bytes, all_bodies_bytes),
            batch,
            public_url: config.public_url.clone(),
            settings: ArcSwap::from_pointee(config.tenants.clone()),
            credentials: ArcSwap::from_pointee(credentials),
        }))
    }

    /// Replaces the credentials. Requests that are decided already are not asked again.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.0.credentials.store(Arc::new(credentials));
    }

    /// Replaces the settings of the tenants.
    pub fn set_tenants(&self, settings: AllTenantSettings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// The observers.
    #[must_use]
    pub fn observers(&self) -> &Observers {
        &self.0.observers
    }

    /// The health of the server.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Answers a request to a listener with these doors. The answer to a caller that has gone is lost.
    pub async fn answer<B>(&self, listener: Listener, request: Request<B>, peer: &dyn Peer) -> Answer
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
                let answer = match self.serve(listener, route, &parts, &incoming, body).await {
                    Ok(answer) => answer,
                    Err(refusal) if route.door == Door::Authzen => refusal.message(),
                    Err(refusal) => refusal.problem(),
                };
                self.0.observers.metrics().answered(route.door.as_str(), answer.status().as_u16());
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
        listener: Listener,
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
                Task::Metadata => authzen::metadata(self.0.public_url.as_deref(), incoming.tenant)?,
                Task::Live => answer::text(StatusCode::OK, "ok\n"),
                Task::Ready => ready(&self.0.health.report()),
                Task::Metrics => metrics(self.0.observers.metrics_text()),
                Task::TenantMetrics => metrics(self.0.observers.metrics().tenant_text()),
                _ => Refusal::new(Kind::NotFound, "the listener has no route of this path").problem(),
            });
        }
        request_id(incoming.headers)?;
        self.authenticate(listener, incoming)?;
        let body = self.0.bodies.read(body).await?;
        incoming.peer.decides();
        match route.task {
            Task::CheckBatch => native::check_batch(self, incoming, body.bytes()).await,
            Task::Evaluation => authzen::evaluation(self, incoming, body.bytes()).await,
            Task::Evaluations => authzen::evaluations(self, incoming, body.bytes()).await,
            _ => native::check(self, incoming, body.bytes()).await,
        }
    }

    /// Compares the tenant in the path with those of the caller's credential, before anything else is read.
    fn authenticate(&self, listener: Listener, incoming: &Incoming<'_>) -> Result<(), Refusal> {
        let credentials = self.0.credentials.load();
        if listener.anonymous || credentials.is_empty() {
            return Ok(());
        }
        let mut values = incoming.headers.get_all(AUTHORIZATION).iter();
        let value = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes);
        credentials.check(value, incoming.door, incoming.tenant).map_err(|refused| match refused {
            Refused::Unauthenticated => Refusal::new(Kind::Unauthenticated, "send `Authorization: Bearer` and a token"),
            Refused::Forbidden => Refusal::new(Kind::Forbidden, "the credential is for other tenants or doors"),
        })
    }

    /// The largest number of decisions of one request.
    fn batch(&self) -> usize {
        self.0.batch
    }

    /// The time of a decision: the smaller one of the tenant's and the caller's.
    fn deadline(&self, tenant: &str, caller: Option<Duration>) -> Duration {
        let granted = self.0.settings.load().of(tenant).deadline;
        caller.map_or(granted, |caller| caller.min(granted))
    }

    /// Decides one request; none if the caller has gone. Then nothing of its evaluation is left.
    async fn decide(
        &self,
        incoming: &Incoming<'_>,
        context: &AuthContext,
        deadline: Option<Duration>,
    ) -> Option<Decided> {
        let deadline = self.deadline(incoming.tenant, deadline);
        let decided = self.0.tenants.decide(incoming.tenant, context, Some(deadline));
        let decided = unless_gone(incoming, decided).await?;
        self.0.observers.decided(&incoming.exchange(context), &decided).await;
        Some(decided)
    }

    /// Decides several requests of one caller; none if it has gone.
    async fn decide_batch(
        &self,
        incoming: &Incoming<'_>,
        contexts: &[AuthContext],
        deadline: Option<Duration>,
    ) -> Option<Vec<Decided>> {
        let deadline = self.deadline(incoming.tenant, deadline);
        let all = self.0.tenants.decide_batch(incoming.tenant, contexts, Some(deadline));
        let all = unless_gone(incoming, all).await?;
        for (context, decided) in contexts.iter().zip(&all) {
            self.0.observers.decided(&incoming.exchange(context), decided).await;
        }
        Some(all)
    }

    /// Adds the id of a decision to its answer.
    fn add_id(&self, answer: &mut Answer, decided: &Decided) {
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(decided.id.to_string())) {
            answer.headers_mut().insert(DECISION_ID, id);
        }
    }
}

/// The listener that a request came in on.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    /// Its doors.
    pub doors: DoorSet,
    /// Whether it takes requests for decisions without a credential.
    pub anonymous: bool,
}

/// The result of `work`, or none if the caller goes before. Then `work` is dropped, and with it every evaluation.
async fn unless_gone<T>(incoming: &Incoming<'_>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = peer::gone(incoming.peer) => None,
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

/// What nobody reads.
fn answer_of_gone() -> Answer {
    answer::text(StatusCode::SERVICE_UNAVAILABLE, "")
}
