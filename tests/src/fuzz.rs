//! What holds for any bytes. Each function takes an input as a fuzzer makes it, and panics where the rule is broken:
//! `fuzz/` looks for such inputs, and a test puts the inputs that it kept to the same functions.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a rule that is broken is a panic")]

mod context;
mod input;
mod model;
mod plugin;
mod result;
mod script;
mod settings;
mod strict;

use std::time::Duration;

use guardhouse::{AuthCheck, AuthChecks, AuthContext, Host, HostLimits, Limits, Plugin, Report, blocking};

pub use context::context;
pub use plugin::plugin;
pub use result::result;
pub use settings::settings;

/// The most that an error says, in bytes.
const MAX_ERROR_BYTES: usize = 10_000;

/// A host of few instances.
fn host() -> Host {
    Host::builder().limits(HostLimits { instances: 4, large_instances: 2, ..HostLimits::default() }).build().unwrap()
}

fn builtin(host: &Host, name: &str) -> Plugin {
    Plugin::load(host, guardhouse::builtin::bytes(name).unwrap()).unwrap()
}

/// Every default but the deadlines: whoever runs the fuzzer may stop it for a while.
fn patient() -> Limits {
    Limits { deadline: HOUR, configure_deadline: HOUR, ..Limits::default() }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// A decision of one check that nothing hurries, with the scopes that are missing.
fn ask(check: &dyn AuthCheck, context: &AuthContext) -> Report {
    let checks = [check];
    blocking::explain(&AuthChecks::new(&checks).name_missing_scopes().deadline(HOUR), context)
}

/// The text of an error, which is never long.
fn words(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    assert!(!text.is_empty());
    assert!(text.len() < MAX_ERROR_BYTES, "an error of {} bytes: {text:.1000}", text.len());
    text
}
