//! The commands of the README's section about the installation, and those of docs/install.md, in a new clone and an empty
//! home. They install the files of `dist/`, and build the command with cargo.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::built;
use super::installed::{environment, program, use_command};
use crate::console::script;
use crate::process::{forget_cargo, run as run_command};
use crate::root;

pub(crate) fn run(folder: &Path) -> Result<()> {
    for (ending, step) in [(".whl", "wheel"), (".tgz", "npm")] {
        built(ending).with_context(|| format!("run the step `{step}` first"))?;
    }
    let clone = folder.join("clone");
    run_command(Command::new("git").args(["clone", "--quiet", "--depth", "1", "--no-local"]).arg(root()?).arg(&clone))?;
    std::os::unix::fs::symlink(root()?.join("dist"), clone.join("dist"))?;

    let home = folder.join("home");
    let pip = environment(&home.join("python"))?;
    let cargo = home.join("cargo");
    let npm = home.join("npm");
    fs::create_dir_all(npm.join("lib"))?;
    let mut path = OsString::new();
    for programs in [&pip, &cargo.join("bin"), &npm.join("bin")] {
        path.push(programs);
        path.push(":");
    }
    path.push(std::env::var_os("PATH").unwrap_or_default());

    let readme = fs::read_to_string(clone.join("README.md"))?;
    let (_, section) = readme.split_once("\n## Install\n").context("the README has no section `Install`")?;
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    for page in [section, &fs::read_to_string(clone.join("docs/install.md"))?] {
        let mut bash = Command::new("bash");
        forget_cargo(&mut bash);
        bash.args(["-euc", &script(page)?]).current_dir(&clone).env("PATH", &path).env("HOME", &home);
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            bash.env(name, own(name, folder)?);
        }
        bash.env("CARGO_INSTALL_ROOT", &cargo).env("npm_config_prefix", &npm);
        // Of the crates of the registry, nothing is compiled twice.
        bash.env("CARGO_TARGET_DIR", root()?.join("target"));
        run_command(&mut bash)?;
        if cargo.join("bin/guardhouse").exists() {
            use_command(|| program(&cargo.join("bin"), "guardhouse"))?;
        }
    }
    Ok(())
}

/// A folder of the Rust toolchain, which the empty home does not have.
fn own(name: &str, folder: &str) -> Result<PathBuf> {
    let home = || std::env::home_dir().context("the home folder is unknown");
    std::env::var_os(name).map_or_else(|| Ok(home()?.join(folder)), |found| Ok(found.into()))
}
