//! Rules that hold for any bytes. Each function takes an input of a fuzzer, and panics if the input violates a rule.
//! `fuzz/` searches for such inputs, and a test applies the same functions to the inputs that it kept.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a violated rule is a panic")]

mod context;
mod expression;
mod generated;
mod input;
mod model;
mod plugin;
mod result;
mod script;
mod settings;
mod strict;

use std::time::Duration;

use guardhouse::{AuthCheck, AuthChecks, AuthContext, Host, HostLimits, Limits, Plugin, Report};

pub use context::context;
pub use expression::expression;
pub use generated::{GENERATED_EXPORTS, generated};
pub use plugin::plugin;
pub use result::result;
pub use settings::settings;

/// The cap on the length of an error message, in bytes.
const MAX_ERROR_BYTES: usize = 10_000;

/// A host with few instances.
fn host() -> Host {
    Host::builder().limits(HostLimits { instances: 4, large_instances: 2, ..HostLimits::default() }).build().unwrap()
}

fn builtin(host: &Host, name: &str) -> Plugin {
    Plugin::load(host, guardhouse::builtin::bytes(name).unwrap()).unwrap()
}

/// Default limits with deadlines of an hour, and no cap on processor time: the fuzzer may be suspended for a while.
fn patient() -> Limits {
    Limits { deadline: HOUR, configure_deadline: HOUR, configure_cpu_time: HOUR, cpu_time: None, ..Limits::default() }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// The report of one check without a short deadline, which names the missing scopes.
fn ask(check: &dyn AuthCheck, context: &AuthContext) -> Report {
    let checks = [check];
    AuthChecks::new(&checks).name_missing_scopes().deadline(HOUR).unwrap().explain_blocking(context)
}

/// The message of an error, which must be short.
fn text_of(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    assert!(!text.is_empty());
    assert!(text.len() < MAX_ERROR_BYTES, "an error of {} bytes: {text:.1000}", text.len());
    text
}
