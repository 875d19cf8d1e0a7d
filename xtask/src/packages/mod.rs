//! The crates as they are published: `cargo xtask package` packages them, and `cargo xtask prove packages` uses the
//! packages outside the repository.

mod command;
mod embedder;
mod sources;
mod steps;
mod unpacked;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::arguments::Arguments;
use crate::copies;
use crate::process::{cargo_command, output, run as run_command};
use crate::root;
use unpacked::Unpacked;

pub(crate) use steps::prove;

/// The option that publishes the packages.
pub(crate) const PUBLISH: &str = "--publish";

/// The option of cargo that accepts a file which git ignores, such as the archive of the sources.
const ALLOW_DIRTY: &str = "--allow-dirty";

/// The published crates. Each depends only on those before it.
const CRATES: [&str; 5] =
    ["guardhouse-sdk", "guardhouse", "guardhouse-authoring", "guardhouse-server", "guardhouse-cli"];

/// Packages the crates, and checks that each compiles with the files of its package; or publishes them.
pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    ensure!(arguments.rest.is_empty() || arguments.has(PUBLISH), "only `{PUBLISH}` takes options of cargo");
    if arguments.has(PUBLISH) {
        return publish(&arguments.rest);
    }
    let packages = package()?;
    for package in &packages {
        println!("{:>8} bytes  {}", fs::metadata(package)?.len(), package.display());
    }
    let folder = folder()?.join("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    let unpacked = Unpacked::new(&folder, &packages)?;
    run_command(unpacked.cargo()?.args(["check", "--workspace"]))
        .context("a crate does not compile with the files of its package alone")
}

/// Runs `cargo check` for the crates as they are in the repository.
pub(crate) fn check(options: &[&str]) -> Result<()> {
    run_command(cargo_for_crates("check")?.args(options))
}

/// Packages the crates, and returns the paths of the packages.
fn package() -> Result<Vec<PathBuf>> {
    let folder = folder()?;
    for old in packages(&folder)? {
        fs::remove_file(&old).with_context(|| format!("cannot remove `{}`", old.display()))?;
    }
    copies::run(true)?;
    let _sources = sources::write()?;
    // Cargo would compile each crate with all of its dependencies once more, and without the profiles of the workspace.
    run_command(cargo_for_crates("package")?.args([ALLOW_DIRTY, "--no-verify"]))?;
    packages(&folder)
}

/// Publishes the crates. Cargo compiles each from its package first.
fn publish(words: &[&str]) -> Result<()> {
    let changes = output(Command::new("git").current_dir(root()?).args(["status", "--porcelain"]))?;
    ensure!(changes.is_empty(), "these changes are not committed:\n{}", changes.trim_end());
    copies::run(true)?;
    let _sources = sources::write()?;
    run_command(cargo_for_crates("publish")?.arg(ALLOW_DIRTY).args(words))
}

/// A command of cargo for all published crates.
fn cargo_for_crates(command: &str) -> Result<Command> {
    let mut cargo = cargo_command()?;
    cargo.args([command, "--locked"]).env("CARGO_TARGET_DIR", target()?);
    cargo.args(CRATES.iter().flat_map(|name| ["--package", name]));
    Ok(cargo)
}

/// The packages in a folder.
fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut packages = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "crate") {
            packages.push(path);
        }
    }
    packages.sort();
    Ok(packages)
}

/// The folder that cargo writes packages into.
fn folder() -> Result<PathBuf> {
    Ok(target()?.join("package"))
}

/// The folder of all builds, those of the packages among them: they use the dependencies that the repository's own
/// builds have compiled.
fn target() -> Result<PathBuf> {
    Ok(root()?.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())))
}
