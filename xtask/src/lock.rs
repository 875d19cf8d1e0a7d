//! `cargo xtask lock`: keeps the lock files of the repository's workspaces complete, and at the same wasmtime.
//!
//! The fuzzer is a workspace of its own, and so are the peers and two plugins. The fuzzer must test the runtime that is
//! shipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::process::{cargo_command, output, run as run_command};
use crate::root;

/// The option that only compares.
pub(crate) const CHECK: &str = "--check";

/// The crates of the runtime begin with these.
const RUNTIME: &[&str] = &["cranelift", "pulley", "regalloc2", "wasmtime", "winch"];

/// The versions of packages by their names. The runtime's crates have one version each.
type Versions = BTreeMap<String, String>;

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let is_check = arguments.has(CHECK);
    complete_all(is_check)?;
    let files = lock_files()?;
    let main = runtime(&read(&root()?.join("Cargo.lock"))?);
    for file in &files {
        let differences = differences(&main, &runtime(&read(file)?));
        if differences.is_empty() {
            continue;
        }
        if is_check {
            bail!("`{}` differs from `Cargo.lock`: {}; run `cargo xtask lock`", file.display(), differences.join(", "));
        }
        update(file, &main)?;
    }
    let version = main.get("wasmtime").context("`Cargo.lock` does not contain wasmtime")?;
    println!("{} lock files are complete, and have wasmtime {version} or none", files.len());
    Ok(())
}

/// Adds the packages that the manifests ask for and the lock files lack, or fails if `is_check` and there are any.
pub(crate) fn complete_all(is_check: bool) -> Result<()> {
    lock_files()?.iter().try_for_each(|file| complete(file, is_check))
}

/// The lock files of the repository, the main one among them.
fn lock_files() -> Result<Vec<PathBuf>> {
    let files = output(Command::new("git").current_dir(root()?).args(["ls-files", "Cargo.lock", "*/Cargo.lock"]))?;
    files.lines().map(|file| Ok(root()?.join(file))).collect()
}

fn complete(file: &Path, is_check: bool) -> Result<()> {
    let mut cargo = cargo_command()?;
    cargo.args(["update", "--workspace", "--quiet"]).args(is_check.then_some("--locked"));
    cargo.arg("--manifest-path").arg(file.with_file_name("Cargo.toml"));
    run_command(&mut cargo).with_context(|| format!("`{}` is not complete; run `cargo xtask lock`", file.display()))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// The crates of the runtime in the text of a lock file.
fn runtime(text: &str) -> Versions {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut versions = Versions::new();
    for package in text.split("[[package]]").skip(1) {
        let find = |key: &str| package.lines().find_map(|line| value(line, key));
        let (Some(name), Some(version)) = (find("name = "), find("version = ")) else { continue };
        if RUNTIME.iter().any(|start| name.starts_with(start)) {
            versions.insert(name, version);
        }
    }
    versions
}

/// The packages that both lock files have, in different versions.
fn differences(main: &Versions, other: &Versions) -> Vec<String> {
    let differing = other.iter().filter(|(name, version)| main.get(*name).is_some_and(|main| main != *version));
    differing.map(|(name, version)| format!("{name} {version}")).collect()
}

/// Sets the runtime of a lock file to the versions of the main one. The crates of the runtime require exact versions of
/// each other, so that naming wasmtime is enough.
fn update(file: &Path, main: &Versions) -> Result<()> {
    let version = main.get("wasmtime").context("`Cargo.lock` does not contain wasmtime")?;
    println!("updating `{}` to wasmtime {version}", file.display());
    let mut cargo = cargo_command()?;
    cargo.args(["update", "--package", "wasmtime", "--precise", version, "--manifest-path"]);
    run_command(cargo.arg(file.with_file_name("Cargo.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "version = 4\n\n[[package]]\nname = \"wasmtime\"\nversion = \"48.0.8\"\n\n\
                        [[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n";

    #[test]
    fn another_runtime_is_found_and_other_packages_are_not() {
        let main = runtime(MAIN);
        assert_eq!(differences(&main, &runtime(&MAIN.replace("1.0.0", "1.0.1"))), [""; 0]);
        assert_eq!(differences(&main, &runtime(&MAIN.replace("48.0.8", "48.0.7"))), ["wasmtime 48.0.7"]);
        assert_eq!(differences(&main, &runtime("")), [""; 0]);
    }
}
