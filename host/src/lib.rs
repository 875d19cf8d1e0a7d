//! Guardhouse runs authorization checks that other people wrote, each in a WebAssembly sandbox that it cannot leave,
//! outlast or learn from.
//!
//! ```
//! use guardhouse::{AccessToken, AuthContext, Check, Component, Decision, Host, Plugin, blocking, builtin};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new()?;
//! let plugin = Plugin::load(&host, builtin::bytes("require-scopes").ok_or("no such plugin")?)?;
//! let check = Check::new(&plugin, serde_json::json!({ "scopes": ["read"] }))?;
//!
//! let context = AuthContext::new(Component::new("tool", "search"))
//!     .with_token(AccessToken::new("alice-laptop", ["read", "write"]));
//! match blocking::run_auth_checks(&[check], &context) {
//!     Decision::Allow => println!("come in"),
//!     Decision::Deny(denial) => println!("no (decision {})", denial.id),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The main types
//!
//! - [`Host`]: the sandbox, shared by all plugins of a process.
//! - [`Plugin`]: code, loaded and compiled once, known by its [`Digest`].
//! - [`Check`]: a plugin with settings, [`Grants`] and [`Limits`].
//! - [`AuthContext`]: one request.
//! - [`run_auth_checks`]: asks a list of checks, and answers with a [`Decision`]. [`explain_auth_checks`] adds a
//!   [`Report`] for the operator; [`AuthChecks::name_missing_scopes`] names missing scopes; [`blocking`] has all of
//!   them without async.
//! - [`AuthCheck`]: what a check is, so that [native] ones and your own mix with plugins in one list.
//!
//! # What always holds
//!
//! A fault denies. What goes wrong before a request is an error ([`LoadError`], [`ConfigError`]); what goes wrong at a
//! request is an [`Outcome::Failed`] for the operator and a [`Denial`] without a word for the caller.
//!
//! Rules are cited by number (S4, B2 …); `docs/semantics.md` lists them.
//!
//! # Events
//!
//! Everything is reported through `tracing`: target `guardhouse` has one WARN event for each masked denial, target
//! `guardhouse::decision` one INFO event for each decision, target `guardhouse::plugin` what plugins write, at DEBUG.

mod ahead;
mod auth_check;
mod auth_checks;
mod backlog;
mod bindings;
pub mod blocking;
pub mod builtin;
mod cache;
mod capabilities;
mod check;
mod clock;
mod compile;
pub mod compiler;
mod config;
mod context;
mod contract;
mod decision;
mod digest;
mod engine;
mod error;
mod evaluation;
mod fault;
mod grants;
mod host;
mod image;
mod instance;
mod instantiations;
mod json;
mod limiter;
mod limits;
mod lock;
mod log;
mod machine;
mod meter;
mod module_parts;
pub mod native;
mod nesting;
mod outcome;
mod parts;
mod plugin;
mod precompiled;
mod program;
mod recent;
mod report;
mod residents;
mod room;
mod run;
mod sandbox;
mod schema;
mod shape;
mod snapshot;
mod source;
mod store;
mod sweep;
mod tenant;
mod text;
mod tier;

pub use auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest, Identity, Session};
pub use auth_checks::{AuthChecks, explain_auth_checks, run_auth_checks};
pub use check::Check;
pub use compiler::CompilerProcess;
pub use config::{CheckConfig, ImagePolicy};
pub use context::{AccessToken, AuthContext, Component, RawToken};
pub use contract::CONTRACT_VERSIONS;
pub use decision::{AuthorizationError, Decision, DecisionId, Denial};
pub use digest::Digest;
pub use error::{ConfigError, HostError, LoadError, Violation};
pub use grants::Grants;
pub use host::{Host, HostBuilder};
pub use json::{Json, JsonError};
pub use limits::{HostLimits, Limits};
pub use machine::Advice;
pub use outcome::{Cause, Evaluation, Fault, LogLine, Outcome, Usage};
pub use plugin::Plugin;
pub use report::{CheckReport, Report};
pub use shape::Shape;
pub use tenant::TenantUsage;
pub use tier::StartMode;

/// The README's program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
