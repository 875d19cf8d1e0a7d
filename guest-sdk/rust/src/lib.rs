#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod bindings;
mod check;
mod context;
mod export;
mod fault;
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod types;

pub use check::{Check, StepUp};
pub use context::AuthContext;
pub use types::{AccessToken, AuthorizationError, Component};
