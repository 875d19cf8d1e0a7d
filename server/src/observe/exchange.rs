//! Exchanges: how the requests came in that were decided.

use std::time::Instant;

use guardhouse::AuthContext;

/// The exchange in which a request was decided: how it came in.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The door that took the request: `native` or `authzen`.
    pub door: &'static str,
    /// The context that was decided.
    pub context: &'a AuthContext,
    /// The caller's `X-Request-ID`, if it sent one.
    pub request_id: Option<&'a str>,
    /// The caller's `traceparent` (W3C Trace Context), if it sent one. An invalid one is ignored.
    pub trace_parent: Option<&'a str>,
    /// The time at which the request arrived.
    pub received: Instant,
}
