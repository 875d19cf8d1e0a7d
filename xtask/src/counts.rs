//! `cargo xtask counts`: what an evaluation of the reference check takes in each language, held by bounds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::arguments::Arguments;
use crate::build::{BENCH, Profile, Programs};
use crate::languages;
use crate::process::{output, run as run_command};
use crate::root;

/// The option that writes the file instead of comparing with it.
pub(crate) const WRITE: &str = "--write";

/// The file with the bounds.
const FILE: &str = "bench/counts.json";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let plugins = languages::plugins()?;
    ensure!(!plugins.is_empty(), "no plugins are built yet; run `cargo xtask languages`");
    count(&Programs::build(&[BENCH], Profile::Dev)?, plugins, arguments.has(WRITE))
}

/// Compares the counts of plugins with the file.
pub(crate) fn hold(programs: &Programs, plugins: Vec<(&'static str, PathBuf)>) -> Result<()> {
    count(programs, plugins, false)
}

/// Counts in a process for all plugins, or writes the file anew.
fn count(programs: &Programs, plugins: Vec<(&'static str, PathBuf)>, is_write: bool) -> Result<()> {
    let folder = root()?.join("target/languages/counted");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    languages::copy(plugins, &folder)?;
    let mut bench = Command::new(programs.path(BENCH)?);
    bench.arg("hold").args(is_write.then_some(WRITE)).arg(&folder).arg(root()?.join(FILE));
    run_command(&mut bench)
}

/// Installs what counts system calls, if it is missing and that is allowed.
pub(crate) fn need_strace(may_install: bool) -> Result<()> {
    if output(Command::new("strace").arg("--version")).is_ok() {
        return Ok(());
    }
    let how = "`strace` counts system calls, and is missing: `apt-get install strace`, or give `--install`";
    ensure!(may_install, "{how}");
    for arguments in [&["update", "--quiet=2"][..], &["install", "--yes", "--quiet=2", "strace"][..]] {
        run_command(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    output(Command::new("strace").arg("--version")).map(drop)
}
