//! `cargo xtask corpus`: runs files of recorded decisions through the built-in plugins and the native checks.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::build::{CORPUS, Profile, Programs};
use crate::process::run as run_command;
use crate::root;

/// The option that names a plugin to take the place of the built-in `require-scopes`.
pub(crate) const REQUIRE_SCOPES: &str = "--require-scopes";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let programs = Programs::build(&[CORPUS], Profile::Dev)?;
    // Paths are relative to the caller's folder, which need not be the root of the repository.
    let here = std::env::current_dir()?;
    let path = |path: &&str| here.join(path).display().to_string();
    let plugin = arguments.value(REQUIRE_SCOPES).map(|plugin| path(&plugin));
    let files: Vec<String> = arguments.operands.iter().map(path).collect();
    decide(programs.path(CORPUS)?, plugin.as_deref(), &files)
}

/// Runs files of decisions, with `plugin` in the place of the built-in `require-scopes`.
pub(crate) fn decide(corpus: &Path, plugin: Option<&str>, files: &[String]) -> Result<()> {
    let mut command = Command::new(corpus);
    if let Some(plugin) = plugin {
        command.args([REQUIRE_SCOPES, plugin]);
    }
    run_command(command.args(files).current_dir(root()?))
}
