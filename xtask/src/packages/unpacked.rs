//! Packages, unpacked into a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::target;
use crate::process::{cargo_command, forget_cargo, run as run_command};
use crate::root;

/// The published crates, unpacked into `crates/` of a folder. That is a workspace with the lock file and the profiles of
/// the repository.
///
/// `.cargo/config.toml` of the folder stands for the registry: in all projects of the folder, a dependency on a
/// published crate is the unpacked one.
#[derive(Debug)]
pub(super) struct Unpacked {
    workspace: PathBuf,
    /// The folders of the crates, which have the names of the packages.
    crates: Vec<PathBuf>,
}

impl Unpacked {
    /// Unpacks packages into `folder`, which is empty.
    pub(super) fn new(folder: &Path, packages: &[PathBuf]) -> Result<Self> {
        let workspace = folder.join("crates");
        fs::create_dir_all(&workspace).with_context(|| format!("cannot create `{}`", workspace.display()))?;
        let mut crates = Vec::new();
        for package in packages {
            // Packages have the same old dates always. With new ones, cargo compiles the crates again.
            run_command(Command::new("tar").args(["--touch", "-xzf"]).arg(package).arg("-C").arg(&workspace))?;
            crates.push(workspace.join(package.file_stem().context("a package has no name")?));
        }
        let unpacked = Self { workspace, crates };
        unpacked.write_manifests(folder).with_context(|| format!("cannot write into `{}`", folder.display()))?;
        Ok(unpacked)
    }

    /// The folder of a crate.
    pub(super) fn path(&self, name: &str) -> Result<&Path> {
        let is_version = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
        let found = self.crates.iter().find(|folder| {
            let rest = folder.file_name().and_then(|file| file.to_str()?.strip_prefix(name)?.strip_prefix('-'));
            rest.is_some_and(is_version)
        });
        found.map(PathBuf::as_path).with_context(|| format!("the package of `{name}` was not made"))
    }

    /// Cargo in the workspace of the crates.
    pub(super) fn cargo(&self) -> Result<Command> {
        cargo_in(&self.workspace)
    }

    fn write_manifests(&self, folder: &Path) -> Result<()> {
        let mut members = Vec::new();
        let mut patches = "[patch.crates-io]\n".to_owned();
        for name in super::CRATES {
            let path = self.path(name)?.display().to_string();
            patches += &format!("{name} = {{ path = {path:?} }}\n");
            members.push(path);
        }
        fs::create_dir_all(folder.join(".cargo"))?;
        fs::write(folder.join(".cargo/config.toml"), patches)?;
        let manifest = fs::read_to_string(root()?.join("Cargo.toml"))?;
        let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n{}", profiles(&manifest));
        fs::write(self.workspace.join("Cargo.toml"), workspace)?;
        fs::copy(root()?.join("Cargo.lock"), self.workspace.join("Cargo.lock"))?;
        Ok(())
    }
}

/// Cargo in a folder, with the builds of the repository.
pub(super) fn cargo_in(folder: &Path) -> Result<Command> {
    let mut cargo = cargo_command()?;
    forget_cargo(&mut cargo);
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", target()?);
    Ok(cargo)
}

/// The profiles in a manifest.
fn profiles(manifest: &str) -> String {
    let mut is_profile = false;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.");
        }
        is_profile
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_of_a_manifest_are_found_among_its_other_tables() {
        let manifest =
            "[package]\nname = \"a\"\n[profile.dev]\ndebug = 1\n[lints]\nx = 1\n[profile.dev.package]\nb = 2\n";
        assert_eq!(profiles(manifest), "[profile.dev]\ndebug = 1\n[profile.dev.package]\nb = 2\n");
    }
}
