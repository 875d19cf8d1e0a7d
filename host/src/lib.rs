//! Guardhouse runs untrusted authorization checks as WebAssembly components. Every evaluation gets a fresh instance in
//! a sandbox with limits on time, memory and access, and a check that fails in any way denies.
//!
//! ```
//! use guardhouse::{AccessToken, AuthChecks, AuthContext, Check, Component, Decision, Host, Plugin, builtin};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new()?;
//! let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;
//! let check = Check::new(&plugin, serde_json::json!({ "scopes": ["read"] }))?;
//!
//! let context = AuthContext::new(Component::tool("search"))
//!     .with_token(AccessToken::new("alice-laptop", ["read", "write"]));
//! match AuthChecks::new(&[check]).run_blocking(&context) {
//!     Decision::Allow => println!("allowed"),
//!     Decision::Deny(denial) => println!("denied (decision {})", denial.id),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The main types
//!
//! - [`Host`]: the engines, limits and caches that all plugins of a process share.
//! - [`Plugin`]: code, loaded and compiled once, identified by its [`Digest`].
//! - [`Check`]: a plugin with settings, [`Grants`] and [`Limits`]. A [`Tenant`] may own it.
//! - [`AuthContext`]: the context of one request: the caller, the accessed component, and everything else that is
//!   known.
//! - [`AuthChecks`]: a list of checks, which decides requests. [`run_auth_checks`] is its short form. The caller gets a
//!   [`Decision`]; a [`Report`] is for the operator only.
//! - [`AuthCheck`]: the interface of every check. One list may mix plugins, [native] checks and your own, and
//!   [`compose`] makes one check of several.
//!
//! # Faults
//!
//! Every fault denies. A failure while a host, a plugin or a check is set up is an error ([`HostError`], [`LoadError`],
//! [`ConfigError`]). A failure during a request is an [`Outcome::Failed`], which the operator sees; the caller sees a
//! [`Denial`] without a message.
//!
//! Rules are cited by number (S4, B2 …); [`semantics`] lists them.
//!
//! # Debug builds
//!
//! Cargo compiles dependencies without optimization in a debug build, and an unoptimized compiler for WebAssembly takes
//! up to eight times as long to compile a plugin. The README of this crate has the lines `[profile.dev.package]` that
//! prevent this: copy them into the `Cargo.toml` of your workspace.
//!
//! # Events
//!
//! All events go through `tracing`: target `guardhouse` has one WARN event for each check that failed, at most ten of a
//! check in a second ([`WarningRate`]), and one when the [breaker](Breaker) of a check opens; target `guardhouse::decision` has one INFO event for each decision, and target
//! `guardhouse::plugin` the output of plugins, at DEBUG.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!(
    "guardhouse runs only on Linux, on x86-64 or aarch64; ARCHITECTURE.md in the repository lists what a port replaces"
);

#[doc = include_str!("../docs/semantics.md")]
pub mod semantics {}

// In reading order: each module uses only modules above it, and its own parts. `tests/all/layers.rs` enforces it.

mod util;

pub mod builtin;
mod digest;
mod interfaces;
mod log_line;
mod reads;
mod tuning;
pub mod units;

mod fault;
mod grants;
mod limits;
mod request;

mod error;
mod outcome;
mod turns;

mod decision;
mod tenant;

mod guest;

mod engine;

mod code;

mod instance;

mod host;

mod plugin;

mod image;

mod check;

pub use check::Check;
pub use check::breaker::{Breaker, BreakerState};
pub use check::config::{CheckConfig, ImagePolicy};
pub use check::measured::{EvaluationParts, MeasuredCheck};
pub use check::start::StartMode;
pub use code::compiler_process::CompilerProcess;
pub use code::shape::Shape;
pub use decision::auth_check::{
    AuthCheck, DEFAULT_DEADLINE, EvaluationFuture, EvaluationRequest, MAX_DEADLINE, Session,
};
pub use decision::auth_checks::{AuthChecks, DeadlineError, run_auth_checks, run_auth_checks_blocking};
pub use decision::report::Report;
pub use decision::warnings::WarningRate;
pub use decision::{Decision, DecisionId, DecisionIdError, Denial, compose, native};
pub use digest::{Digest, DigestError};
pub use error::{ConfigError, HostError, LoadError, PrepareError, TooManyTenants, Violation};
pub use fault::{Cause, Fault};
pub use grants::{Grant, GrantError, Grants};
pub use host::Host;
pub use host::advice::Advice;
pub use host::builder::HostBuilder;
pub use image::parts::ImageParts;
pub use image::prepared::prepare;
pub use interfaces::CONTRACT_VERSIONS;
pub use limits::{HostLimits, Limits};
pub use log_line::LogLine;
pub use outcome::{AuthorizationError, CheckReport, Evaluation, Identity, Outcome, Usage};
pub use plugin::Plugin;
pub use reads::{Document, DocumentRead, DocumentReads};
pub use request::AuthContext;
pub use request::component::Component;
pub use request::json::{Json, JsonError};
pub use request::token::{AccessToken, RawToken};
pub use tenant::{Tenant, TenantBudget, TenantUsage};
pub use turns::usage::TurnUsage;

/// The README, whose program is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
