//! gRPC: calls of one message, over HTTP/2.

// In reading order.
mod answer;
mod message;
mod timeout;

mod health;

mod service;

pub(super) use self::health::Serving;
pub(in crate::door) use self::message::Message;
