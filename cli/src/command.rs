//! A file for each command. Each returns what is to be printed, and prints nothing itself.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod plugins;
pub(crate) mod schema;
pub(crate) mod test;
