//! The requests that proxies ask about: one form for every dialect, their decision, and what the proxy is told.

mod decide;
mod identity;
mod outcome;
mod request;

pub(in crate::door) use self::decide::decide;
pub(in crate::door) use self::outcome::{Allowed, Denied, Outcome};
pub(in crate::door) use self::request::{Body, Client, InvalidRequest, ProxyRequest, text};

#[cfg(test)]
mod tests;
