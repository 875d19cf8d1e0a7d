//! `cargo install --path cli` in a new clone of the repository.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::installed::{program, use_command};
use crate::process::{forget_cargo, run as run_command};
use crate::root;

pub(super) fn run(folder: &Path) -> Result<()> {
    let clone = folder.join("clone");
    run_command(Command::new("git").args(["clone", "--quiet", "--depth", "1", "--no-local"]).arg(root()?).arg(&clone))?;
    let mut install = Command::new("cargo");
    forget_cargo(&mut install);
    install.args(["install", "--locked", "--path", "cli", "--root"]).arg(folder.join("cargo"));
    // Of the crates of the registry, nothing is compiled twice.
    install.env("CARGO_TARGET_DIR", root()?.join("target"));
    run_command(install.current_dir(clone))?;
    use_command(|| program(&folder.join("cargo/bin"), "guardhouse"))
}
