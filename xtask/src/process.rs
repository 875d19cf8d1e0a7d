//! Other programs, and the environment that they run in.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::root;

/// Runs cargo at the root of the repository.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<()> {
    run(cargo_command()?.args(arguments))
}

/// Cargo, at the root of the repository.
pub(crate) fn cargo_command() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?);
    Ok(command)
}

/// Cargo in a workspace of another revision, with the toolchain that it asks for.
pub(crate) fn cargo_of(workspace: &Path) -> Command {
    let mut command = Command::new("cargo");
    forget_cargo(&mut command);
    command.env_remove("RUSTUP_TOOLCHAIN").current_dir(workspace);
    command
}

/// Removes the variables that the cargo which runs this program set for itself, so that a cargo started by `command`
/// does not take them for its own.
pub(crate) fn forget_cargo(command: &mut Command) {
    for name in [
        "CARGO",
        "RUSTC",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        "LD_LIBRARY_PATH",
    ] {
        command.env_remove(name);
    }
}

/// Runs a program with its output shown, and fails if the program fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run `{program}`"))?;
    ensure!(status.success(), "`{program}` failed ({status})");
    Ok(())
}

/// Runs a script in `folder`, with the folder of `program` on the path.
pub(crate) fn bash(program: &Path, folder: &Path, script: &str) -> Result<()> {
    let mut path = program.parent().context("the program has no folder")?.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["-euc", script]).current_dir(folder).env("PATH", path);
    forget_cargo(&mut command);
    run(&mut command).with_context(|| format!("in `{}`", folder.display()))
}

/// Runs a program and returns what it writes to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run `{program}`"))?;
    ensure!(
        output.status.success(),
        "`{program}` failed ({})\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    String::from_utf8(output.stdout).with_context(|| format!("`{program}` wrote something other than UTF-8"))
}

/// Whether a cargo subcommand is installed.
pub(crate) fn has_cargo_command(name: &str) -> bool {
    cargo_command().is_ok_and(|mut cargo| output(cargo.args([name, "--version"])).is_ok())
}
