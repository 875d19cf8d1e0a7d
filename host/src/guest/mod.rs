//! The host's side of one instance: the imports that the instance can call, and the limits on everything that it can
//! use.

pub(crate) mod bindings;
mod clock;
mod cpu_time;
pub(crate) mod exceeded;
pub(crate) mod fault;
pub(crate) mod imports;
mod limiter;
pub(crate) mod log;
pub(crate) mod probe;
pub(crate) mod reason;
pub(crate) mod request;
pub(crate) mod store;
pub(crate) mod turn;
mod wasi;
pub(crate) mod wasmtime_text;
