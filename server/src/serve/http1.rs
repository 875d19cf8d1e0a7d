//! A connection of HTTP/1.1.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::clock::Clock;
use super::connection::{OtherEnd, Shared};
use super::progress::{Phase, Progress};
use super::stream::Stream;
use crate::config::certificate::PeerCertificate;
use crate::door::peer::Peer;

/// hyper's least buffer, in bytes. A head may still be smaller.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// The other end, whose requests follow each other.
struct Caller<'a> {
    other: OtherEnd,
    progress: &'a Progress,
}

impl Peer for Caller<'_> {
    fn has_gone(&self) -> bool {
        self.other.socket.has_hung_up()
    }

    fn decides(&self) {
        self.progress.enter(Phase::Decision);
    }

    fn address(&self) -> Option<IpAddr> {
        self.other.address
    }

    fn certificate(&self) -> Option<&PeerCertificate> {
        self.other.certificate.as_ref()
    }
}

/// Serves the connection. Returns whether it ended after an answer, or because the client closed it; it did not if the
/// client was too slow.
pub(super) async fn serve(stream: Stream, progress: &Arc<Progress>, other: OtherEnd, mut shared: Shared) -> bool {
    let caller = Caller { other, progress };
    let limits = Arc::clone(&shared.limits);
    let (doors, listener, caller) = (&shared.doors, &*shared.listener, &caller);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| async move {
        caller.progress.enter(Phase::Body);
        let answer = doors.answer(listener, request, caller).await;
        caller.progress.enter(Phase::Answer);
        Ok::<_, Infallible>(answer)
    });
    let mut builder = http1::Builder::new();
    builder
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(MIN_BUFFER_BYTES))
        // The clock bounds the head, and the wait for it, and the body, and the answer.
        .header_read_timeout(None);
    let mut connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
    let mut clock = Clock::new(progress, &limits);
    let ended = tokio::select! {
        biased;
        ended = clock.within(connection.as_mut()) => Some(ended),
        _ = shared.stopping.wait_for(|stopping| *stopping) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            clock.within(connection.as_mut()).await
        }
    };
    ended.is_some()
}
