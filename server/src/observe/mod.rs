//! Observers: everything that is told of each decision.

use std::time::Instant;

use guardhouse::AuthContext;

use crate::decided::Decided;

/// The exchange in which a request was decided: how it came in.
#[derive(Debug, Clone)]
pub struct Exchange<'a> {
    /// The door that took the request: `native` or `authzen`.
    pub door: &'static str,
    /// The context that was decided.
    pub context: &'a AuthContext,
    /// The caller's `X-Request-ID`, if it sent one.
    pub request_id: Option<&'a str>,
    /// The caller's `traceparent` (W3C Trace Context), if it sent a valid one.
    pub trace_parent: Option<&'a str>,
    /// The time at which the request arrived.
    pub received: Instant,
}

/// The observers of a server.
#[derive(Debug, Clone, Default)]
pub struct Observers {}

impl Observers {
    /// Tells every observer of a decision. No failure of an observer changes the decision.
    pub async fn decided(&self, exchange: &Exchange<'_>, decided: &Decided) {
        let _ = (exchange, decided);
    }
}
