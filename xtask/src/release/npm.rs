//! The npm package: the command of the wheel, for `npx`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::installed::use_command;
use super::wheel::extract_command;
use super::{build, built, files};
use crate::process::run as run_command;
use crate::root;

const MANIFEST: &str = "packaging/npm/package.json";

/// The files of the package beside the command, by their paths in the repository.
const FILES: [&str; 3] = [MANIFEST, "packaging/npm/README.md", "LICENSE"];

/// Platforms that the package does not run on, as properties of Node's `process`.
const OTHERS: [(&str, &str); 2] = [("platform", "darwin"), ("arch", "arm64")];

pub(crate) fn run(folder: &Path) -> Result<()> {
    build(&[])?;
    pack(&folder.join("package"))?;
    let package = built(".tgz")?;

    let project = folder.join("npm");
    fs::create_dir(&project)?;
    run_command(npm(&project).args(["install", "--offline", "--prefix", "."]).arg(&package))?;
    let name = name()?;
    use_command(|| {
        let mut npx = Command::new("npx");
        npx.args(["--offline", &name]).current_dir(&project);
        npx
    })?;

    OTHERS.iter().try_for_each(|other| is_refused(&package, &folder.join("other"), other))
}

/// Fails if npm installs the package on another platform, where its program does not run.
fn is_refused(package: &Path, folder: &Path, (property, value): &(&str, &str)) -> Result<()> {
    fs::create_dir_all(folder)?;
    let pretend =
        format!("--import=data:text/javascript,Object.defineProperty(process,'{property}',{{value:'{value}'}})");
    let mut install = npm(folder);
    install.args(["install", "--offline", "--prefix", "."]).arg(package).env("NODE_OPTIONS", pretend);
    let refused = install.output()?;
    let error = String::from_utf8_lossy(&refused.stderr);
    ensure!(!refused.status.success() && error.contains("EBADPLATFORM"), "npm installs it with {value}: {error}");
    println!("with {value}: {}", error.lines().nth(1).unwrap_or_default());
    Ok(())
}

/// Writes the package into `dist/`.
fn pack(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("bin"))?;
    fs::rename(extract_command(folder)?, folder.join("bin/guardhouse"))?;
    for file in FILES {
        let name = Path::new(file).file_name().context("a file has no name")?;
        fs::copy(root()?.join(file), folder.join(name)).with_context(|| format!("cannot copy `{file}`"))?;
    }
    files(".tgz")?.iter().try_for_each(fs::remove_file)?;
    run_command(npm(folder).args(["pack", "--pack-destination"]).arg(root()?.join("dist")))
}

/// The name of the package.
fn name() -> Result<String> {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(root()?.join(MANIFEST))?)?;
    let name = manifest.get("name").and_then(Value::as_str);
    Ok(name.with_context(|| format!("`{MANIFEST}` has no name"))?.to_owned())
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel", "error"]).current_dir(folder);
    npm
}
