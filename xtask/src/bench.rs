//! `cargo xtask bench`: builds what is measured, measures it in one run, and prints what was found.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::guests::component;
use crate::manifest::Manifest;
use crate::process::{cargo_command, run as run_command};
use crate::root;
use crate::toolchain::Toolchain;

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let mut bench = cargo_command()?;
    bench.args(["run", "--release", "--locked", "--package", "guardhouse-bench", "--"]);
    let mut wants_peers = true;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--no-peers" => wants_peers = false,
            "--quick" => drop(bench.arg("--quick")),
            "--json" | "--only" => {
                let value = options.next().with_context(|| format!("`{option}` needs a value"))?;
                bench.args([*option, *value]);
            }
            other => {
                bail!("`bench` takes no option `{other}`; it takes --json FILE, --only GROUP, --quick, --no-peers")
            }
        }
    }
    let folder = root()?.join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    bench.arg("--regexes").arg(regexes(&folder)?);
    match javascript(&folder) {
        Ok(path) => drop(bench.arg("--javascript").arg(path)),
        Err(error) => eprintln!("left out: the plugin in JavaScript: {error:#}"),
    }
    match languages(&folder) {
        Ok(path) => drop(bench.arg("--languages").arg(path)),
        Err(error) => eprintln!("left out: the languages: {error:#}"),
    }
    if wants_peers {
        match peers() {
            Ok(path) => drop(bench.arg("--peers").arg(path)),
            Err(error) => eprintln!("left out: the peers: {error:#}"),
        }
    }
    run_command(&mut bench)
}

/// A plugin of a megabyte.
fn regexes(folder: &Path) -> Result<PathBuf> {
    let recorded = Manifest::read(&root()?.join("host/builtin")).ok().map(|manifest| manifest.toolchain);
    let module = Toolchain::find(recorded.as_deref())?.build("guardhouse-bench-regexes", "regexes")?;
    let component = component("regexes", &module)?;
    let path = folder.join("regexes.wasm");
    std::fs::write(&path, component).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

/// A plugin of twelve megabytes, made once.
fn javascript(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("javascript.wasm");
    if path.exists() {
        return Ok(path);
    }
    let source = root()?.join("bench/javascript");
    let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    run_command(Command::new("npm").args(npm).current_dir(&source))?;
    let wit = root()?.join("wit");
    run_command(Command::new("node").arg("build.mjs").arg(wit).arg(&path).current_dir(&source))?;
    Ok(path)
}

/// The same check in every language, as `cargo xtask languages` left it.
fn languages(folder: &Path) -> Result<PathBuf> {
    let to = folder.join("languages");
    std::fs::create_dir_all(&to).with_context(|| format!("cannot create `{}`", to.display()))?;
    let plugins = crate::languages::plugins()?;
    anyhow::ensure!(!plugins.is_empty(), "there are none; `cargo xtask languages` makes them");
    for (language, plugin) in plugins {
        std::fs::copy(&plugin, to.join(language).with_extension("wasm"))?;
    }
    Ok(to)
}

/// The program that measures the peers. It is a workspace of its own.
fn peers() -> Result<PathBuf> {
    let folder = root()?.join("peers");
    let manifest = folder.join("Cargo.toml");
    let target = folder.join("target");
    let mut cargo = cargo_command()?;
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
    run_command(&mut cargo)?;
    Ok(target.join("release/peers"))
}
