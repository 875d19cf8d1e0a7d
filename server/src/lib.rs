//! A policy decision point for many tenants: policies in files, decided by the sandboxed checks of [`guardhouse`], and
//! asked over HTTP. The command `guardhouse serve` runs it.
//!
//! A tenant has one [`Policy`](policy::Policy) at a time. Loaded, compiled and configured it is a
//! [`Snapshot`](snapshot::Snapshot), which never changes; a new policy replaces the snapshot as a whole.
//! [`Tenants`](tenants::Tenants) holds the active snapshot of each tenant, and decides requests.

// In reading order: each module uses only modules above it, and its own parts.

mod lock;
pub mod log_rules;
pub mod problem;
mod socket_file;
mod step;
pub mod tenant_name;

pub mod policy;

pub mod decided;
pub mod snapshot;

pub mod tenants;

pub mod last_good;
pub mod source;

pub mod activation;

pub mod observe;

pub mod config;

pub mod tls;
pub mod token;

pub mod door;

pub mod serve;
