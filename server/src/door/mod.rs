//! Doors: the interfaces over HTTP through which enforcement points ask for decisions, and operators for the state of
//! the server.

// In reading order.
pub mod answer;
mod body;
mod caller;
mod document;
mod panics;
pub mod peer;
mod route;

mod exchange;

mod doors;

mod identity;

mod proxy;

mod authzen;
mod native;

mod ext_authz;
mod forward_auth;
mod grpc;

pub mod openapi;

mod service;

pub use self::doors::{Doors, Listener};
pub use self::ext_authz::{CheckDocument, CheckDocumentContext, CheckDocumentError, FieldError};

#[cfg(test)]
mod tests;
