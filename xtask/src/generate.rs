//! `cargo xtask guests` and `cargo xtask bindings`: run `generate/`, which writes generated files.

use std::process::Command;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::build::{GENERATE, Profile, Programs};
use crate::process::run as run_command;
use crate::root;

pub(crate) fn guests(arguments: &Arguments<'_>) -> Result<()> {
    generate("guests", &arguments.forwarded())
}

pub(crate) fn bindings(arguments: &Arguments<'_>) -> Result<()> {
    generate("bindings", &arguments.forwarded())
}

/// Runs a command of `generate/`.
pub(crate) fn generate(command: &str, arguments: &[&str]) -> Result<()> {
    let programs = Programs::build(&[GENERATE], Profile::Dev)?;
    run_command(Command::new(programs.path(GENERATE)?).arg(command).args(arguments).current_dir(root()?))
}
