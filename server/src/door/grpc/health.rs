//! The health of the server over gRPC: the service `grpc.health.v1.Health`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Frame;
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::super::caller::Caller;
use super::answer::{Answer, Code, message, status, trailers, watch as answer_of};
use super::message::frame;
use super::service::AUTHORIZATION;
use crate::lock::lock;
use crate::observe::health::Health;

/// The interval at which the state of the server is looked at, for all callers together.
const LOOK: Duration = Duration::from_millis(250);

/// The watchers of all connections together.
const WATCHERS: usize = 256;

/// Those of one address. Anybody who reaches the listener may watch, and must not keep others from it.
const WATCHERS_OF_CALLER: usize = WATCHERS / 4;

/// The largest request, in bytes.
pub(super) const MAX_BYTES: usize = 1 << 10;

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// Whether the server serves, as it is told over gRPC. A clone is shallow.
#[derive(Debug, Clone)]
pub(in crate::door) struct Serving(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    health: Health,
    last: Mutex<Option<(Instant, bool)>>,
    watchers: Arc<Semaphore>,
    watchers_of_callers: Mutex<HashMap<Caller, usize>>,
}

/// The right of a caller to watch.
struct WatchPermit {
    serving: Serving,
    caller: Caller,
    _permit: OwnedSemaphorePermit,
}

impl Drop for WatchPermit {
    fn drop(&mut self) {
        if let Entry::Occupied(mut watchers) = lock(&self.serving.0.watchers_of_callers).entry(self.caller.clone()) {
            match watchers.get().saturating_sub(1) {
                0 => drop(watchers.remove()),
                left => drop(watchers.insert(left)),
            }
        }
    }
}

impl Serving {
    pub(in crate::door) fn new(health: Health) -> Self {
        Self(Arc::new(Inner {
            health,
            last: Mutex::default(),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
            watchers_of_callers: Mutex::default(),
        }))
    }

    /// Whether the server is ready, as it was found at the last look.
    fn is_ready(&self) -> bool {
        if self.0.health.is_draining() {
            return false;
        }
        let mut last = lock(&self.0.last);
        match *last {
            Some((looked, is_ready)) if looked.elapsed() < LOOK => is_ready,
            _ => {
                let is_ready = self.0.health.report().ready;
                *last = Some((Instant::now(), is_ready));
                is_ready
            }
        }
    }

    /// The status of a service; none if this server does not have it.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let is_known = service.is_empty() || service == AUTHORIZATION;
        is_known.then(|| if self.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing })
    }

    /// Answers a call of `Check`.
    pub(super) fn check(&self, request: &[u8]) -> Answer {
        let Ok(request) = HealthCheckRequest::decode(request) else { return invalid() };
        match self.status(&request.service) {
            Some(status) => message(&encoded(status)),
            None => status(Code::NotFound, "the server has no such service"),
        }
    }

    /// Answers a call of `Watch`, which ends when the connection takes no more requests.
    pub(super) fn watch(&self, request: &[u8], caller: Caller, closing: watch::Receiver<bool>) -> Answer {
        let Ok(request) = HealthCheckRequest::decode(request) else { return invalid() };
        let Some(permit) = self.permit(caller) else {
            return status(Code::ResourceExhausted, "the server has as many watchers as it may");
        };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        answer_of(Watch {
            serving: self.clone(),
            service: request.service,
            told: None,
            look,
            closing: Box::pin(closed(closing)),
            state: WatchState::Open,
            _permit: permit,
        })
    }

    fn permit(&self, caller: Caller) -> Option<WatchPermit> {
        let permit = Arc::clone(&self.0.watchers).try_acquire_owned().ok()?;
        let watchers = &mut *lock(&self.0.watchers_of_callers);
        let of_caller = watchers.entry(caller.clone()).or_default();
        // A caller without watchers has room, so nothing that is empty stays in the map.
        *of_caller = of_caller.checked_add(1).filter(|count| *count <= WATCHERS_OF_CALLER)?;
        Some(WatchPermit { serving: self.clone(), caller, _permit: permit })
    }
}

fn invalid() -> Answer {
    status(Code::InvalidArgument, "the message is not a `HealthCheckRequest`")
}

fn encoded(status: ServingStatus) -> Vec<u8> {
    HealthCheckResponse { status: status.into() }.encode_to_vec()
}

async fn closed(mut closing: watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// The states of a service, each as soon as it differs from the one before.
pub(super) struct Watch {
    serving: Serving,
    service: String,
    told: Option<ServingStatus>,
    look: Interval,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    state: WatchState,
    _permit: WatchPermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchState {
    Open,
    /// The last state is told.
    Closing,
    Ended,
}

impl Watch {
    /// The next state; the status of the call after the last one.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        loop {
            match self.state {
                WatchState::Open if self.closing.as_mut().poll(cx).is_ready() => self.state = WatchState::Closing,
                WatchState::Open => {}
                WatchState::Closing => {
                    self.state = WatchState::Ended;
                    return Poll::Ready(Some(Frame::trailers(trailers(Code::Unavailable))));
                }
                WatchState::Ended => return Poll::Ready(None),
            }
            let status = self.serving.status(&self.service).unwrap_or(ServingStatus::ServiceUnknown);
            if self.told != Some(status) {
                self.told = Some(status);
                return Poll::Ready(Some(Frame::data(frame(&encoded(status)).into())));
            }
            if self.state == WatchState::Open {
                std::task::ready!(self.look.poll_tick(cx));
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("service", &self.service).field("state", &self.state).finish_non_exhaustive()
    }
}
