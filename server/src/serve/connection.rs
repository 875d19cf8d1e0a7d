//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::ReadBuf;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::progress::{Phase, Progress};
use super::socket::Socket;
use super::stream::Stream;
use crate::config::connections::ConnectionLimits;
use crate::door::peer::Peer;
use crate::door::{Doors, Listener};

/// The other end of a connection.
struct Caller {
    socket: Arc<Socket>,
    progress: Arc<Progress>,
    address: Option<IpAddr>,
}

impl Peer for Caller {
    fn has_gone(&self) -> bool {
        self.socket.has_hung_up()
    }

    fn decides(&self) {
        self.progress.enter(Phase::Decision);
    }

    fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

/// The time in which the rest of a request is thrown away after the last answer. Closed before, the connection would be
/// reset, and the caller might never see the answer.
const LINGER: Duration = Duration::from_secs(1);

/// The bytes that are thrown away.
const LINGER_BYTES: usize = 1 << 20;

/// hyper's least buffer, in bytes. A head may still be smaller.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// Serves a connection until it ends, its client is too slow, or the server stops: then after the request that is being
/// answered.
pub(super) async fn serve(
    socket: Socket,
    doors: Doors,
    listener: Arc<Listener>,
    limits: Arc<ConnectionLimits>,
    mut stopping: watch::Receiver<bool>,
) {
    let address = socket.peer_address();
    let socket = Arc::new(socket);
    let progress = Arc::new(Progress::new());
    let caller = Caller { socket: Arc::clone(&socket), progress: Arc::clone(&progress), address };
    let (doors, listener, caller) = (&doors, &*listener, &caller);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| async move {
        caller.progress.enter(Phase::Body);
        let answer = doors.answer(listener, request, caller).await;
        caller.progress.enter(Phase::Answer);
        Ok::<_, Infallible>(answer)
    });
    let stream = TokioIo::new(Stream::new(Arc::clone(&socket), Arc::clone(&progress)));
    let mut builder = http1::Builder::new();
    builder
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(MIN_BUFFER_BYTES))
        // The clock of `Progress` bounds the head, and the wait for it, and the body, and the answer.
        .header_read_timeout(None);
    let mut connection = Box::pin(builder.serve_connection(stream, service));
    let mut clock = Clock::new(&progress, &limits);
    let ended = tokio::select! {
        biased;
        ended = until_end(connection.as_mut(), &mut clock) => Some(ended),
        _ = stopping.wait_for(|stopping| *stopping) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            until_end(connection.as_mut(), &mut clock).await
        }
    };
    drop(connection);
    if ended == Ended::Finished {
        linger(&socket).await;
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The last answer was written, or the client closed the connection.
    Finished,
    /// The client was too slow.
    Overdue,
}

/// The clock of a connection: one timer, which is set again only if its phase ends earlier than the one before would.
struct Clock<'a> {
    progress: &'a Progress,
    limits: &'a ConnectionLimits,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Clock<'a> {
    fn new(progress: &'a Progress, limits: &'a ConnectionLimits) -> Self {
        let end = Instant::from_std(progress.end(limits));
        Self { progress, limits, sleep: Box::pin(sleep_until(end)) }
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = Instant::from_std(self.progress.end(self.limits));
        if end < self.sleep.deadline() {
            self.sleep.as_mut().reset(end);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let end = Instant::from_std(self.progress.end(self.limits));
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(end);
        }
    }
}

/// Polls a connection until it finishes, or its client is too slow.
async fn until_end<F: Future>(mut connection: Pin<&mut F>, clock: &mut Clock<'_>) -> Ended {
    poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(Ended::Finished),
        Poll::Pending => clock.poll_overdue(cx).map(|()| Ended::Overdue),
    })
    .await
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
                return Poll::Ready(());
            }
        }
    });
    // A client that neither reads nor closes is let go.
    let _ = tokio::time::timeout(LINGER, drain).await;
}
