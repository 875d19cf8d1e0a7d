//! What is behind all doors: the tenants, the observers, and what the configuration says.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use guardhouse::AuthContext;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use tracing::Instrument;

use super::answer::{self, Answer, DECISION_ID, Refusal};
use super::body::Bodies;
use super::caller::Caller;
use super::exchange::Incoming;
use super::grpc::Serving;
use super::peer;
use crate::config::ServerConfig;
use crate::config::connections::ConnectionLimits;
use crate::config::credentials::Credentials;
use crate::config::listener::DoorSet;
use crate::config::tenant::AllTenantSettings;
use crate::decided::{Decided, DenialCause};
use crate::observe::Observers;
use crate::observe::health::Health;
use crate::snapshot::Snapshot;
use crate::tenant_name::TenantName;
use crate::tenants::Tenants;
use crate::token::Tokens;

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
    tokens: Tokens,
    health: Health,
    serving: Serving,
    body_time: Duration,
}

impl Doors {
    /// The doors to some tenants, as a configuration describes them.
    #[must_use]
    pub fn new(tenants: Tenants, observers: Observers, config: &ServerConfig, credentials: Credentials) -> Self {
        let ConnectionLimits { body_bytes, document_bytes, all_bodies_bytes, batch, body_time, .. } =
            config.connections;
        let health = Health::new(tenants.clone(), config.health);
        let tokens = Tokens::new(&config.issuers, &config.tenants);
        let watched = tokens.clone();
        observers.metrics().collect(move |exposition| watched.write_metrics(exposition));
        Self(Arc::new(Inner {
            tokens,
            serving: Serving::new(health.clone()),
            health,
            body_time,
            tenants,
            observers,
            bodies: Bodies::new(body_bytes, document_bytes, all_bodies_bytes),
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

    /// The verifier of end users' tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
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

    /// Compares the tenant in the path with those of the caller's credential, before anything else is read.
    pub(super) fn authenticate(&self, listener: &Listener, incoming: &Incoming<'_>) -> Result<Caller, Refusal> {
        let identity = self.identify(listener, incoming.door, incoming.headers, incoming.peer)?;
        identity.require(incoming.door, incoming.tenant)?;
        Ok(identity.caller().clone())
    }

    /// The credentials, as they were read last.
    pub(super) fn credentials(&self) -> Guard<Arc<Credentials>> {
        self.0.credentials.load()
    }

    /// Whether the server serves, as it is told over gRPC.
    pub(super) fn serving(&self) -> &Serving {
        &self.0.serving
    }

    /// The time from the end of a head to the last byte of its body.
    pub(super) fn body_time(&self) -> Duration {
        self.0.body_time
    }

    /// The settings of the tenants, as they were read last.
    pub(super) fn settings(&self) -> Arc<AllTenantSettings> {
        self.0.settings.load_full()
    }

    /// The memory for bodies.
    pub(super) fn bodies(&self) -> &Bodies {
        &self.0.bodies
    }

    /// The URL under which callers reach the server, if it is known.
    pub(super) fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    /// The largest number of decisions of one request.
    pub(super) fn batch(&self) -> usize {
        self.0.batch
    }

    /// The time of a decision: the smaller one of the tenant's and the caller's.
    pub(super) fn deadline(&self, tenant: &str, caller: Option<Duration>) -> Duration {
        let granted = self.0.settings.load().of(tenant).deadline;
        caller.map_or(granted, |caller| caller.min(granted))
    }

    /// Does work for the tenant of a request, such as reading its body, in a turn of the tenant.
    pub(super) async fn in_turn<T>(&self, incoming: &Incoming<'_>, work: impl FnOnce() -> T) -> T {
        let snapshot = self.0.tenants.snapshot(incoming.tenant).ok();
        self.0.tenants.host().in_turn(snapshot.as_deref().map(Snapshot::account), work).await
    }

    /// Decides one request; none if the caller has gone. Then nothing of its evaluation is left.
    pub(super) async fn decide(
        &self,
        incoming: &Incoming<'_>,
        context: &AuthContext,
        deadline: Option<Duration>,
    ) -> Option<Decided> {
        let decided = self.evaluate(incoming, context, deadline).await?;
        self.tell(incoming, context, &decided).await;
        Some(decided)
    }

    /// Denies a request that no check can be asked about, and tells the observers.
    pub(super) async fn deny(
        &self,
        incoming: &Incoming<'_>,
        context: &AuthContext,
        cause: DenialCause,
        reason: Cow<'static, str>,
    ) -> Decided {
        let decided = self.0.tenants.deny(incoming.tenant, cause, reason);
        self.tell(incoming, context, &decided).await;
        decided
    }

    /// Decides one request, of which [`tell`](Self::tell) tells the observers once the whole answer is known.
    pub(super) async fn evaluate(
        &self,
        incoming: &Incoming<'_>,
        context: &AuthContext,
        deadline: Option<Duration>,
    ) -> Option<Decided> {
        let deadline = self.deadline(incoming.tenant, deadline);
        let decided = self.0.tenants.decide(incoming.tenant, context, Some(deadline)).instrument(incoming.span());
        unless_gone(incoming, decided).await
    }

    /// Does work for the tenant of a request, such as verifying a token, at the expense of the tenant. Waiting is free.
    pub(super) async fn charged<T>(&self, incoming: &Incoming<'_>, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let snapshot = self.0.tenants.snapshot(incoming.tenant).ok();
        let mut charge = Charge { snapshot, took: Duration::ZERO };
        poll_fn(|cx| {
            let start = Instant::now();
            let poll = work.as_mut().poll(cx);
            charge.took = charge.took.saturating_add(start.elapsed());
            poll
        })
        .await
    }

    /// Tells the observers of a decision, at the expense of its tenant.
    pub(super) async fn tell(&self, incoming: &Incoming<'_>, context: &AuthContext, decided: &Decided) {
        let took = self.0.observers.decided(&incoming.exchange(context), decided).await;
        if let Ok(snapshot) = self.0.tenants.snapshot(incoming.tenant) {
            snapshot.account().charge(took);
        }
    }

    /// Decides several requests of one caller; none if it has gone.
    pub(super) async fn decide_batch(
        &self,
        incoming: &Incoming<'_>,
        contexts: &[AuthContext],
        deadline: Option<Duration>,
    ) -> Option<Vec<Decided>> {
        let deadline = self.deadline(incoming.tenant, deadline);
        let all = self.0.tenants.decide_batch(incoming.tenant, contexts, Some(deadline)).instrument(incoming.span());
        let all = unless_gone(incoming, all).await?;
        for (context, decided) in contexts.iter().zip(&all) {
            self.tell(incoming, context, decided).await;
        }
        Some(all)
    }

    /// Adds the id of a decision to its answer.
    pub(super) fn add_id(&self, answer: &mut Answer, decided: &Decided) {
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(decided.id.to_string())) {
            answer.headers_mut().insert(DECISION_ID, id);
        }
    }
}

/// The time that work for a tenant took so far. The tenant pays for it also if the caller goes before the end.
struct Charge {
    snapshot: Option<Arc<Snapshot>>,
    took: Duration,
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(snapshot) = &self.snapshot {
            snapshot.account().charge(self.took);
        }
    }
}

/// The listener that a request came in on.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its doors.
    pub doors: DoorSet,
    /// Whether it takes requests for decisions without a credential.
    pub anonymous: bool,
    /// The tenant of requests at [`Door::ExtAuthz`](crate::config::listener::Door::ExtAuthz) whose route names none.
    pub tenant: Option<TenantName>,
}

/// The result of `work`, or none if the caller goes before. Then `work` is dropped, and with it every evaluation.
pub(super) async fn unless_gone<T>(incoming: &Incoming<'_>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = peer::gone(incoming.peer) => None,
    }
}

/// What nobody reads.
pub(super) fn answer_of_gone() -> Answer {
    answer::text(StatusCode::SERVICE_UNAVAILABLE, "")
}
