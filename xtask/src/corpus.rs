//! `cargo xtask corpus`: runs files of recorded decisions through the built-in plugins and the native checks.

use anyhow::{Result, bail};

use crate::process::cargo;

pub(crate) fn run(files: &[&str]) -> Result<()> {
    if files.is_empty() {
        bail!("name the files to run, for example `tests/cases/fastmcp.jsonl`");
    }
    // Paths are the caller's, not the repository's root's.
    let here = std::env::current_dir()?;
    let files = files.iter().map(|file| here.join(file).display().to_string());
    let command =
        ["run", "--quiet", "--locked", "--package", "guardhouse-tests", "--bin", "corpus", "--"].map(String::from);
    cargo(command.into_iter().chain(files))
}
