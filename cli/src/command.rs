//! The commands, a file for each. A command returns its output and does not print it.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod new_policy;
pub(crate) mod plugins;
pub(crate) mod policy;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod upgrade;
