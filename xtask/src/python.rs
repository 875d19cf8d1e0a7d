//! `cargo xtask python`: builds the wheel of bindings/python/, installs it as users do, and tests it.

use std::process::Command;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::process::{forget_cargo, run as run_command};
use crate::root;

/// The option that builds the wheel as it is published.
pub(crate) const RELEASE: &str = "--release";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    test(&arguments.forwarded())
}

/// Runs `bindings/python/test`.
pub(crate) fn test(words: &[&str]) -> Result<()> {
    let mut test = Command::new(root()?.join("bindings/python/test"));
    test.args(words);
    forget_cargo(&mut test);
    run_command(&mut test)
}
