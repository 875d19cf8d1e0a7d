//! Health: whether the server lives, and whether it is ready for requests.

use hyper::StatusCode;
use serde::Serialize;

use super::answer::{self, Answer};
use crate::tenants::status::Readiness;

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// The policies are loaded for the first time.
    Starting,
    /// Everything is as the files say.
    Serving,
    /// Requests are decided, but some tenants have an older policy than their files say, or none.
    Degraded,
    /// The server is about to end.
    Draining,
}

impl ServerState {
    /// The state of a server with these tenants, which may be about to end.
    #[must_use]
    pub fn of(readiness: &Readiness, is_draining: bool) -> Self {
        match readiness {
            _ if is_draining => Self::Draining,
            Readiness { is_started: false, .. } => Self::Starting,
            readiness if readiness.is_degraded() => Self::Degraded,
            _ => Self::Serving,
        }
    }

    /// Whether load balancers should send requests here.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Serving | Self::Degraded)
    }
}

/// What everybody who reaches the listener may know: numbers, and no names.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    state: ServerState,
    tenants: usize,
    without_policy: usize,
    refused: usize,
    last_good: usize,
}

/// Says that the server lives.
pub(super) fn live() -> Answer {
    answer::text(StatusCode::OK, "ok\n")
}

/// Says whether the server is ready.
pub(super) fn ready(readiness: &Readiness, is_draining: bool) -> Answer {
    let state = ServerState::of(readiness, is_draining);
    let status = if state.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let Readiness { tenants, without_policy, refused, last_good, .. } = *readiness;
    answer::json(status, &Ready { ready: state.is_ready(), state, tenants, without_policy, refused, last_good })
}
