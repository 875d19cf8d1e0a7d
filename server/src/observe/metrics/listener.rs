//! The connections of one listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::observe::metrics::words::Words;

/// The counters of one listener, for its accept loop. A clone is shallow.
#[derive(Debug, Clone)]
pub struct ListenerMetrics(pub(super) Arc<Counters>);

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) listener: String,
    pub(super) accepted: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) refused: Words<1, 8>,
    pub(super) http_2: AtomicU64,
    pub(super) handshakes_failed: Words<1, 8>,
}

impl ListenerMetrics {
    pub(super) fn new(listener: &str) -> Self {
        Self(Arc::new(Counters { listener: listener.to_owned(), ..Counters::default() }))
    }

    /// Counts a connection, which is open until the value is dropped.
    #[must_use = "the connection is open until this is dropped"]
    pub fn accepted(&self) -> OpenConnection {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(&self.0))
    }

    /// Counts a connection that was closed at once, or a fault of the listener, with a reason: `too-many`, `accept-error`.
    pub fn refused(&self, reason: &'static str) {
        self.0.refused.count([reason]);
    }

    /// Counts a connection whose client speaks HTTP/2.
    pub fn is_http_2(&self) {
        self.0.http_2.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handshake of TLS that failed, with a reason: `slow`, `closed`, `not-tls`, `incompatible`, `certificate`,
    /// `alert`, `other`.
    pub fn handshake_failed(&self, reason: &'static str) {
        self.0.handshakes_failed.count([reason]);
    }

    /// The number of open connections.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.0.open()
    }
}

impl Counters {
    pub(super) fn open(&self) -> u64 {
        // In this order, so that a connection which closes in between does not count as minus one.
        let closed = self.closed.load(Ordering::Acquire);
        self.accepted.load(Ordering::Relaxed).saturating_sub(closed)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct OpenConnection(Arc<Counters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Release);
    }
}
