//! The section `[connections]`: what a client may do before it is let go.

use std::time::Duration;

/// The limits of connections. The doc of each field names its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at the same time, over all listeners with a door for decisions; a further one is closed at once. At
    /// least 1. The other listeners have 64 together, beside these. Default: 10,000.
    pub maximum: usize,
    /// The head of a request, in bytes: its first line and its headers. From 8 KiB to 1 MiB. Default: 16 KiB.
    pub head_bytes: usize,
    /// The headers of a request. From 1 to 1,000. Default: 100.
    pub headers: usize,
    /// Wall-clock time from the first byte of a head to its last. From 1 ms to 1 hour, as all times here.
    /// Default: 10 s.
    pub head_time: Duration,
    /// The body of a request, in bytes. At most 16 MiB. Default: 1 MiB.
    pub body_bytes: usize,
    /// The memory of one body as JSON, in bytes: its text, its values and members, and the copies that are made of them. It
    /// is found before the body is read, and is an upper bound. From 64 KiB to 1 GiB, and at least one body. Default: 16 MiB.
    pub document_bytes: usize,
    /// The memory of the bodies of all requests that are read or decided at the same time, in bytes: text as it arrives,
    /// and from when a body is complete its memory as JSON. A further one is refused. One caller may hold a quarter, or
    /// `document_bytes` if that is more. At least one body. Default: 64 MiB.
    pub all_bodies_bytes: usize,
    /// Wall-clock time from the end of a head to the last byte of its body. Default: 10 s.
    pub body_time: Duration,
    /// Wall-clock time in which a caller takes its answer. Default: 10 s.
    pub answer_time: Duration,
    /// Wall-clock time in which a connection may wait for its next request. Default: 60 s.
    pub idle_time: Duration,
    /// Requests at the same time on one connection of HTTP/2. From 1 to 1,000,000. Default: 1,024.
    pub streams: usize,
    /// Wall-clock time after which a connection of HTTP/2 that is silent is pinged. Default: 20 s.
    pub ping_interval: Duration,
    /// Wall-clock time in which the client must answer a ping. Default: 10 s.
    pub ping_time: Duration,
    /// Wall-clock time after which a connection of HTTP/2 takes no more requests, so that clients find new servers; up to
    /// a tenth more or less, so that not all of them come back at the same time. At most 24 hours. Default: 30 min.
    pub age: Duration,
    /// Wall-clock time after that in which requests are answered. Then the connection is cut. Default: 30 s.
    pub age_grace: Duration,
    /// The decisions of one request. From 1 to 10,000. Default: 100.
    pub batch: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            maximum: 10_000,
            head_bytes: 16 << 10,
            headers: 100,
            head_time: Duration::from_secs(10),
            body_bytes: 1 << 20,
            document_bytes: 16 << 20,
            all_bodies_bytes: 64 << 20,
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            streams: 1_024,
            ping_interval: Duration::from_secs(20),
            ping_time: Duration::from_secs(10),
            age: Duration::from_secs(30 * 60),
            age_grace: Duration::from_secs(30),
            batch: 100,
        }
    }
}
