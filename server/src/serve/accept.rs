//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::accepting::Accepting;
use super::connection::{self, Shared};
use crate::config::connections::ConnectionLimits;
use crate::config::listener::Door;

/// The pause after an error that the next connection would meet too, such as a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of all listeners without a door for decisions, at the same time. They are not among those of
/// [`ConnectionLimits::maximum`], so that health is reached while callers of decisions have taken all of those.
const OPERATOR_CONNECTIONS: usize = 64;

/// The connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) limits: Arc<ConnectionLimits>,
    open: AtomicUsize,
    /// Those among them that are of listeners with a door for decisions.
    deciding: AtomicUsize,
    /// The others.
    operator: AtomicUsize,
    closed: Notify,
    counts: Counts,
}

/// What became of connections, since the start of the server.
#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// What became of connections, since the start of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// Those that are open.
    pub open: usize,
    /// Those that were taken.
    pub accepted: u64,
    /// Those that were closed at once, because there were too many.
    pub refused: u64,
    /// Errors of taking one.
    pub failed: u64,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits: Arc::new(limits),
            open: AtomicUsize::new(0),
            deciding: AtomicUsize::new(0),
            operator: AtomicUsize::new(0),
            closed: Notify::new(),
            counts: Counts::default(),
        }
    }

    /// Waits until no connection is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            closed.await;
        }
    }

    pub(super) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.open.load(Ordering::Relaxed),
            accepted: self.counts.accepted.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
        }
    }

    /// A place for one more connection of a listener; none if there are too many.
    fn admit(self: &Arc<Self>, decides: bool) -> Option<Place> {
        let maximum = if decides { self.limits.maximum } else { OPERATOR_CONNECTIONS };
        let kind = self.kind(decides);
        if kind.fetch_add(1, Ordering::AcqRel) >= maximum {
            kind.fetch_sub(1, Ordering::AcqRel);
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.open.fetch_add(1, Ordering::AcqRel);
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Place { connections: Arc::clone(self), decides })
    }

    fn kind(&self, decides: bool) -> &AtomicUsize {
        if decides { &self.deciding } else { &self.operator }
    }
}

/// The place of an open connection.
struct Place {
    connections: Arc<Connections>,
    decides: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.kind(self.decides).fetch_sub(1, Ordering::AcqRel);
        if self.connections.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.connections.closed.notify_waiters();
        }
    }
}

/// Takes connections until `closing` says so. Those that are open by then end when [`Shared::stopping`] says so.
pub(super) async fn accept(
    accepting: Accepting,
    connections: Arc<Connections>,
    shared: Shared,
    mut closing: watch::Receiver<bool>,
) {
    let decides = shared.listener.doors.doors().any(Door::decides);
    let metrics = shared.metrics.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = accepting.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                // A socket over the limit is closed here.
                let Some(place) = connections.admit(decides) else {
                    metrics.refused("too-many");
                    continue;
                };
                let open = metrics.accepted();
                let serving = connection::serve(socket, shared.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop((place, open));
                });
            }
            Err(error) => {
                connections.counts.failed.fetch_add(1, Ordering::Relaxed);
                metrics.refused("accept-error");
                if !is_of_client(&error) {
                    tracing::warn!(target: "guardhouse::server", %error, "cannot take a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether an error concerns one client only, which has gone already.
fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
