//! One connection, from its acceptance to its end.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::sync::watch;

use super::clock::Clock;
use super::handshake::shake_hands;
use super::progress::{Phase, Progress};
use super::socket::Socket;
use super::stream::Stream;
use super::transport::Transport;
use super::version::speaks_http_2;
use super::{http1, http2};
use crate::config::certificate::PeerCertificate;
use crate::config::connections::ConnectionLimits;
use crate::config::listener::Door;
use crate::door::{Doors, Listener};
use crate::observe::metrics::ListenerMetrics;
use crate::tls::CurrentTls;

/// What all connections of a listener share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) doors: Doors,
    pub(super) listener: Arc<Listener>,
    pub(super) tls: Option<Arc<CurrentTls>>,
    pub(super) limits: Arc<ConnectionLimits>,
    pub(super) metrics: ListenerMetrics,
    /// Whether the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// The other end of a connection.
#[derive(Debug)]
pub(super) struct OtherEnd {
    pub(super) socket: Arc<Socket>,
    pub(super) address: Option<IpAddr>,
    pub(super) certificate: Option<PeerCertificate>,
}

/// The time in which the rest of a request is thrown away after the last answer. Closed before, the connection would be
/// reset, and the caller might never see the answer.
const LINGER: Duration = Duration::from_secs(1);

/// The bytes that are thrown away.
const LINGER_BYTES: usize = 1 << 20;

/// Serves a connection until it ends, its client is too slow, or the server stops: then after the requests that are being
/// answered.
pub(super) async fn serve(socket: Socket, mut shared: Shared) {
    let address = socket.peer_address();
    let socket = Arc::new(socket);
    let progress = Arc::new(Progress::new());
    let limits = Arc::clone(&shared.limits);
    let Some((mut stream, certificate, is_http_2)) = begin(&socket, &progress, &mut shared).await else { return };
    let is_http_2 = match is_http_2 {
        _ if !shared.listener.doors.has(Door::ExtAuthz) => false,
        Some(is_http_2) => is_http_2,
        None => {
            let mut clock = Clock::new(&progress, &limits);
            let version = tokio::select! {
                biased;
                version = clock.within(speaks_http_2(&mut stream)) => version,
                _ = shared.stopping.wait_for(|stopping| *stopping) => None,
            };
            match version {
                Some(Ok(is_http_2)) => is_http_2,
                _ => return,
            }
        }
    };
    let other = OtherEnd { socket: Arc::clone(&socket), address, certificate };
    let is_finished = if is_http_2 {
        shared.metrics.is_http_2();
        http2::serve(stream, progress, other, shared).await
    } else {
        http1::serve(stream, &progress, other, shared).await
    };
    if is_finished {
        linger(&socket).await;
    }
}

/// Shakes hands if the listener has TLS. None if that failed, was too slow, or the server stops.
async fn begin(
    socket: &Arc<Socket>,
    progress: &Arc<Progress>,
    shared: &mut Shared,
) -> Option<(Stream, Option<PeerCertificate>, Option<bool>)> {
    let Some(tls) = &shared.tls else {
        return Some((Stream::new(Transport::plain(Arc::clone(socket)), Arc::clone(progress)), None, None));
    };
    progress.enter(Phase::Handshake);
    let mut clock = Clock::new(progress, &shared.limits);
    let shaken = tokio::select! {
        biased;
        shaken = clock.within(shake_hands(tls, Arc::clone(socket))) => shaken,
        _ = shared.stopping.wait_for(|stopping| *stopping) => return None,
    };
    match shaken.unwrap_or(Err("slow")) {
        Ok(secured) => {
            progress.enter(Phase::Idle);
            let stream = Stream::new(Transport::Tls(secured.stream), Arc::clone(progress));
            Some((stream, secured.certificate, secured.is_http_2))
        }
        Err(reason) => {
            shared.metrics.handshake_failed(reason);
            None
        }
    }
}

/// Throws away what the client still sends.
async fn linger(socket: &Socket) {
    let mut buffer = vec![0; 4 << 10];
    let mut left = LINGER_BYTES;
    let drain = poll_fn(|cx| {
        loop {
            let read = ready!(socket.poll_read(cx, &mut ReadBuf::new(&mut buffer))).unwrap_or(0);
            left = left.saturating_sub(read);
            if read == 0 || left == 0 {
                return std::task::Poll::Ready(());
            }
        }
    });
    // A client that neither reads nor closes is let go.
    let _ = tokio::time::timeout(LINGER, drain).await;
}
