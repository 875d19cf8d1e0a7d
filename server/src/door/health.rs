//! Health: whether the server lives, and whether it is ready for requests.

use hyper::StatusCode;
use serde::Serialize;

use super::answer::{self, Answer};

/// Whether a server is ready, with the reason if it is not or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether load balancers should send requests here.
    pub ready: bool,
    /// The state: `starting`, `serving`, `degraded` or `draining`.
    pub state: ServerState,
}

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
    /// Whether load balancers should send requests here.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Serving | Self::Degraded)
    }
}

/// Says that the server lives.
pub(super) fn live() -> Answer {
    answer::text(StatusCode::OK, "ok\n")
}

/// Says whether the server is ready.
pub(super) fn ready(state: ServerState) -> Answer {
    let ready = state.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &Readiness { ready, state })
}
