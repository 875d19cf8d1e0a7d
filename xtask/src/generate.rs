//! `cargo xtask guests` and `cargo xtask bindings`: run `generate/`, which writes generated files.

use std::process::Command;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::build::{GENERATE, Profile, Programs};
use crate::copies;
use crate::process::run as run_command;
use crate::root;

/// The option that only compares.
pub(crate) const CHECK: &str = "--check";

pub(crate) fn guests(arguments: &Arguments<'_>) -> Result<()> {
    generate("guests", &arguments.forwarded())
}

pub(crate) fn bindings(arguments: &Arguments<'_>) -> Result<()> {
    // First, because `generate/` is built with a copy of the contract.
    copies::run(arguments.has(CHECK))?;
    generate("bindings", &arguments.forwarded())
}

/// Runs a command of `generate/`.
pub(crate) fn generate(command: &str, arguments: &[&str]) -> Result<()> {
    let programs = Programs::build(&[GENERATE], Profile::Dev)?;
    run_command(Command::new(programs.path(GENERATE)?).arg(command).args(arguments).current_dir(root()?))
}
