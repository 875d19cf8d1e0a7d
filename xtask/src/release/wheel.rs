//! The wheel: the command and the Python package, without Rust and without FastMCP.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::installed::{environment, program, use_command, use_package};
use super::{build, built};
use crate::process::run as run_command;

/// The command in the wheel.
const COMMAND: &str = "guardhouse_checks/bin/guardhouse";

pub(crate) fn run(folder: &Path) -> Result<()> {
    build(&[])?;
    let programs = environment(&folder.join("wheel"))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"];
    run_command(program(&programs, "python").args(install).arg(wheel()?))?;
    use_command(|| program(&programs, "guardhouse"))?;
    use_package(&programs)
}

/// The wheel that was built last.
pub(super) fn wheel() -> Result<PathBuf> {
    built(".whl")
}

/// Extracts the command of the wheel into a folder.
pub(super) fn extract_command(folder: &Path) -> Result<PathBuf> {
    let extracted = folder.join("extracted");
    run_command(Command::new("python3").args(["-m", "zipfile", "--extract"]).arg(wheel()?).arg(&extracted))?;
    let command = folder.join("guardhouse");
    fs::copy(extracted.join(COMMAND), &command).with_context(|| format!("the wheel does not contain `{COMMAND}`"))?;
    fs::set_permissions(&command, Permissions::from_mode(0o755))?;
    fs::remove_dir_all(&extracted)?;
    Ok(command)
}
