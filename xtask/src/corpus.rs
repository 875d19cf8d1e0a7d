//! `cargo xtask corpus`: runs files of recorded decisions through the built-in plugins and the native checks.

use anyhow::{Result, bail};

use crate::process::cargo;

/// The option that names a plugin to take the place of the built-in `require-scopes`.
pub(crate) const REQUIRE_SCOPES: &str = "--require-scopes";

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (option, paths) = match arguments {
        [REQUIRE_SCOPES, _, _, ..] => arguments.split_at(1),
        [] | [REQUIRE_SCOPES, ..] => bail!("name the files to run, for example `tests/cases/fastmcp.jsonl`"),
        files => files.split_at(0),
    };
    // Paths are the caller's, not the repository's root's.
    let here = std::env::current_dir()?;
    let paths = paths.iter().map(|path| here.join(path).display().to_string());
    let command = ["run", "--quiet", "--locked", "--package", "guardhouse-tests", "--bin", "corpus", "--"];
    cargo(command.iter().chain(option).map(|word| (*word).to_owned()).chain(paths))
}
