//! Writes the generated files of the repository. `cargo xtask guests` and `cargo xtask bindings` start it.
//!
//! This is a program of its own because it depends on the crates that read WebAssembly, for which `cargo xtask demo`
//! should not have to wait before it starts.

mod bindings;
mod guests;
mod manifest;
mod packages;
mod plugin;
mod toolchain;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Error, Result, bail};
use guardhouse_authoring::{SdkSource, new_project};

use crate::toolchain::Permission;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let (flags, words): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with("--"));
    let mut is_check = false;
    let mut permission = Permission::Denied;
    for flag in flags {
        match flag {
            "--check" => is_check = true,
            "--install" => permission = Permission::Granted,
            other => bail!("`{other}` is not an option; there are --check and --install"),
        }
    }
    match words.as_slice() {
        ["bindings"] => bindings::run(is_check),
        ["guests"] => guests::run(is_check, permission),
        ["project", name, language] => {
            let language = language.parse().map_err(Error::msg)?;
            new_project(Path::new(name), name, language, SdkSource::Registry).map(drop)
        }
        ["plugin", package, library, path] => plugin::write(package, library, Path::new(path), permission),
        _ => bail!(
            "one of these is needed: `bindings`, `guests`, `project NAME LANGUAGE`, `plugin PACKAGE LIBRARY FILE`"
        ),
    }
}

/// The root of the repository.
fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the package is not in the repository")
}
