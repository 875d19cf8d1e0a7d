//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::accepting::Accepting;
use super::connection;
use crate::config::connections::ConnectionLimits;
use crate::door::{Doors, Listener};
use crate::observe::metrics::ListenerMetrics;

/// The pause after an error that the next connection would meet too, such as a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) limits: Arc<ConnectionLimits>,
    open: AtomicUsize,
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
        Self { limits: Arc::new(limits), open: AtomicUsize::new(0), closed: Notify::new(), counts: Counts::default() }
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

    /// A place for one more connection; none if there are too many.
    fn admit(self: &Arc<Self>) -> Option<Place> {
        if self.open.fetch_add(1, Ordering::AcqRel) >= self.limits.maximum {
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.counts.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Place(Arc::clone(self)))
    }
}

/// The place of an open connection.
struct Place(Arc<Connections>);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.closed.notify_waiters();
        }
    }
}

/// Takes connections until `closing` says so. Those that are open by then end when `stopping` says so.
pub(super) async fn accept(
    accepting: Accepting,
    listener: Listener,
    doors: Doors,
    connections: Arc<Connections>,
    metrics: ListenerMetrics,
    mut closing: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = accepting.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                // A socket over the limit is closed here.
                let Some(place) = connections.admit() else {
                    metrics.refused("too-many");
                    continue;
                };
                let open = metrics.accepted();
                let serving = connection::serve(
                    socket,
                    doors.clone(),
                    listener,
                    Arc::clone(&connections.limits),
                    stopping.clone(),
                );
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
