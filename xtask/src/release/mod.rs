//! The files of a release that are not crates, in `dist/`: the wheel, the source distribution and the npm package. Each
//! is built, and then installed and used as its users do, in an empty folder outside the repository: these are steps of
//! `cargo xtask prove packages`.

pub(crate) mod clone;
pub(crate) mod folder;
mod glibc;
mod installed;
pub(crate) mod npm;
pub(crate) mod sdist;
pub(crate) mod wheel;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{forget_cargo, run as run_command};
use crate::root;

pub(crate) use glibc::prove as prove_old_glibc;

/// Runs `bindings/python/build` with options.
fn build(options: &[&str]) -> Result<()> {
    let mut build = Command::new(root()?.join("bindings/python/build"));
    forget_cargo(&mut build);
    run_command(build.args(options))
}

/// The only file in `dist/` whose name has this ending.
fn built(ending: &str) -> Result<PathBuf> {
    let mut found = files(ending)?;
    ensure!(found.len() == 1, "`dist/` has {} files with the ending `{ending}` instead of one", found.len());
    found.pop().context("no file was found")
}

/// The files in `dist/` whose names have this ending.
fn files(ending: &str) -> Result<Vec<PathBuf>> {
    let folder = root()?.join("dist");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    Ok(paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect())
}
