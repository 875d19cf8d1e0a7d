//! gRPC: calls of one message, over HTTP/2.

mod message;

pub(in crate::door) use self::message::Message;
