//! Guardhouse runs authorization checks written by other people.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bindings;
pub mod blocking;
pub mod builtin;
mod capabilities;
mod check;
mod context;
mod contract;
mod decision;
mod digest;
mod error;
mod fault;
mod grants;
mod host;
mod instance;
mod json;
mod limits;
mod log;
pub mod native;
mod outcome;
mod plugin;
mod report;
mod run;
mod schema;
mod shape;
mod store;

pub use check::{AuthCheck, Check, CheckConfig, EvaluationFuture, Identity, Inquiry};
pub use context::{AccessToken, AuthContext, Component, RawToken};
pub use contract::CONTRACT_VERSIONS;
pub use decision::{AuthorizationError, Decision, DecisionId, Denial};
pub use digest::Digest;
pub use error::{ConfigError, HostError, LoadError, Violation};
pub use grants::Grants;
pub use host::{Host, HostBuilder};
pub use json::{Json, JsonError};
pub use limits::{HostLimits, Limits};
pub use outcome::{Cause, Evaluation, Fault, LogLine, Outcome, Usage};
pub use plugin::Plugin;
pub use report::{CheckReport, Report};
pub use run::{
    explain_auth_checks, explain_auth_checks_with_shortfall, run_auth_checks, run_auth_checks_with_shortfall,
};
pub use shape::Shape;
