//! The source distribution: `pip install` builds the module and the command with Rust.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::installed::{environment, program, use_command, use_package};
use super::{build, built};
use crate::process::{forget_cargo, run as run_command};
use crate::root;

pub(crate) fn run(folder: &Path) -> Result<()> {
    build(&["--sdist"])?;
    let programs = environment(&folder.join("sdist"))?;
    let mut install = Command::new(programs.join("pip"));
    forget_cargo(&mut install);
    install.args(["install", "--disable-pip-version-check", "--no-cache-dir"]);
    install.arg(built(".tar.gz")?);
    // Of the crates of the registry, nothing is compiled twice.
    install.env("CARGO_TARGET_DIR", root()?.join("target"));
    run_command(install.current_dir(folder))?;
    use_command(|| program(&programs, "guardhouse"))?;
    use_package(&programs)
}
