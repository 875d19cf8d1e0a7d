//! `cargo xtask typos`: checks the spelling of all files, as `_typos.toml` says.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::process::run as run_command;
use crate::root;

/// The option that corrects what has one correction.
pub(crate) const WRITE: &str = "--write";

/// The checker, a Python package that contains a program.
const REQUIREMENTS: &str = "xtask/requirements.txt";

/// The environment that the checker is installed into.
const ENVIRONMENT: &str = "target/typos";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let root = root()?;
    let programs = root.join(ENVIRONMENT).join("bin");
    install(root, &programs).context("cannot install `typos`, which needs Python 3 and a package index")?;
    let mut typos = Command::new(programs.join("typos"));
    typos.current_dir(root).args(["--format", "brief"]).args(arguments.has(WRITE).then_some("--write-changes"));
    run_command(&mut typos).context("a word is misspelled; if it is not, add it to `_typos.toml` with the reason")
}

/// Installs the checker, unless the environment has this version already.
fn install(root: &Path, programs: &Path) -> Result<()> {
    let pip = programs.join("pip");
    if !pip.exists() {
        run_command(Command::new("python3").args(["-m", "venv", ENVIRONMENT]).current_dir(root))?;
    }
    let mut install = Command::new(pip);
    install.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]);
    run_command(install.args(["--requirement", REQUIREMENTS]).current_dir(root))
}
