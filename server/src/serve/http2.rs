//! A connection of HTTP/2, on which requests are answered beside each other.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{OtherEnd, Shared};
use super::progress::Progress;
use super::stream::Stream;
use super::streams::{Streams, answered};
use crate::config::certificate::PeerCertificate;
use crate::config::connections::ConnectionLimits;
use crate::door::peer::Peer;

/// The bytes of one request that may be on their way.
const STREAM_WINDOW: u32 = 64 << 10;

/// The bytes of all requests of a connection that may be on their way.
const CONNECTION_WINDOW: u32 = 256 << 10;

/// The bytes of one answer that may wait for its caller.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// The requests of a connection that may break the protocol.
const MAX_ERRORS: usize = 50;

/// The time in which a client without requests confirms that the connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// The other end, whose requests are beside each other: each has times of its own.
struct Caller(OtherEnd);

impl Peer for Caller {
    fn has_gone(&self) -> bool {
        self.0.socket.has_hung_up()
    }

    fn decides(&self) {}

    fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    fn certificate(&self) -> Option<&PeerCertificate> {
        self.0.certificate.as_ref()
    }
}

/// Serves the connection. Returns whether it ended by itself; it did not if it was cut.
pub(super) async fn serve(stream: Stream, progress: Arc<Progress>, other: OtherEnd, mut shared: Shared) -> bool {
    let limits = Arc::clone(&shared.limits);
    let (closing, is_closing) = watch::channel(false);
    let caller = Arc::new(Caller(other));
    let (doors, listener) = (shared.doors.clone(), Arc::clone(&shared.listener));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (doors, listener, caller) = (doors.clone(), Arc::clone(&listener), Arc::clone(&caller));
        let is_closing = is_closing.clone();
        async move {
            let answer = doors.answer_call(&listener, request, &*caller, is_closing).await;
            if answer.body().is_short() {
                answered();
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let streams = Streams::new(limits.answer_time);
    let _ending = streams.end_on_drop();
    let mut connection = Box::pin(builder(&streams, &limits).serve_connection(TokioIo::new(stream), service));
    let mut clock = Clock::new(&progress, &streams, &limits);
    loop {
        let event = tokio::select! {
            biased;
            _ = connection.as_mut() => return true,
            _ = shared.stopping.wait_for(|stopping| *stopping), if !clock.is_closing() => Event::Close,
            () = streams.finished() => continue,
            event = clock.next() => event,
        };
        match event {
            Event::Close => {
                clock.close();
                closing.send_replace(true);
                connection.as_mut().graceful_shutdown();
            }
            Event::Cut => return false,
        }
    }
}

fn builder(streams: &Streams, limits: &ConnectionLimits) -> http2::Builder<Streams> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(streams.clone());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(number(limits.streams))
        .max_header_list_size(number(limits.head_bytes))
        // Requests that are withdrawn before they are looked at (CVE-2023-44487). A proxy withdraws those of end users who
        // leave, and they must not be able to end the connection of all others: so there may be as many as open ones.
        .max_pending_accept_reset_streams(limits.streams)
        .max_local_error_reset_streams(MAX_ERRORS)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_time);
    builder
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It takes no more requests.
    Close,
    /// It ends now.
    Cut,
}

/// The clock of the connection as a whole.
struct Clock<'a> {
    progress: &'a Progress,
    streams: &'a Streams,
    limits: &'a ConnectionLimits,
    /// The time at which it takes no more requests.
    end: Instant,
    /// The time since which it takes none.
    closed: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Clock<'a> {
    fn new(progress: &'a Progress, streams: &'a Streams, limits: &'a ConnectionLimits) -> Self {
        let end = Instant::now() + limits.age.mul_f64(rand::random_range(0.9..=1.1));
        Self { progress, streams, limits, end, closed: None, sleep: Box::pin(sleep_until(end)) }
    }

    fn is_closing(&self) -> bool {
        self.closed.is_some()
    }

    fn close(&mut self) {
        self.closed = Some(Instant::now());
    }

    /// What happens next, and when, if nothing changes until then.
    fn plan(&self) -> (Instant, Event) {
        let mut next = match self.closed {
            None => (self.end, Event::Close),
            Some(closed) => (closed + self.limits.age_grace, Event::Cut),
        };
        let blocked = self.progress.blocked_since().map(|since| Instant::from_std(since) + self.limits.answer_time);
        let idle = self.streams.idle_since().map(|since| match self.closed {
            None => (since + self.limits.idle_time, Event::Close),
            Some(closed) => (since.max(closed) + FAREWELL, Event::Cut),
        });
        for other in blocked.map(|end| (end, Event::Cut)).into_iter().chain(idle) {
            if other.0 < next.0 {
                next = other;
            }
        }
        next
    }

    /// Waits for the next event.
    async fn next(&mut self) -> Event {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            let (end, event) = self.plan();
            if end <= Instant::now() {
                return Poll::Ready(event);
            }
            if self.sleep.deadline() != end {
                self.sleep.as_mut().reset(end);
            }
            std::task::ready!(self.sleep.as_mut().poll(cx));
        }
    }
}
