//! The programs of the workspace: built here, and then run by their paths.
//!
//! Every build selects the whole workspace and then names the programs that it wants. Cargo decides about the features
//! of dependencies by the selection: with `--package guardhouse-cli` here and `--workspace` there, wasmtime could be
//! built twice. (`resolver.feature-unification` in `.cargo/config.toml` would settle this for every selection, but is
//! unstable: <https://github.com/rust-lang/cargo/issues/14774>. `cargo xtask features` checks the other selections that
//! developers use.)

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo_command, output};

/// A program of the workspace, and the package that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
}

/// The command line.
pub(crate) const GUARDHOUSE: Program = Program { name: "guardhouse", package: "guardhouse-cli" };
/// The program that runs recorded decisions.
pub(crate) const CORPUS: Program = Program { name: "corpus", package: "guardhouse-tests" };
/// The program that writes generated files.
pub(crate) const GENERATE: Program = Program { name: "generate", package: "xtask-generate" };
/// The benchmarks.
pub(crate) const BENCH: Program = Program { name: "guardhouse-bench", package: "guardhouse-bench" };

/// The profile of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Programs that were built.
#[derive(Debug)]
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Builds programs in one call of cargo.
    pub(crate) fn build(programs: &[Program], profile: Profile) -> Result<Self> {
        let is_terminal = std::io::stderr().is_terminal();
        let mut cargo = cargo_command()?;
        cargo.args(["build", "--workspace", "--locked", "--message-format", "json-render-diagnostics"]);
        for program in programs {
            cargo.args(["--bin", program.name]);
        }
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        // Cargo draws a bar on a terminal. Elsewhere it would write a line for each crate.
        let mut progress = if is_terminal { None } else { Some(Progress::new(crates(programs)?.len())) };
        if !is_terminal {
            cargo.arg("--quiet");
        }
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
        let messages = child.stdout.take().context("cargo has no output")?;
        let mut built = BTreeMap::new();
        for line in BufReader::new(messages).lines() {
            let message: Value = serde_json::from_str(&line?).context("cargo wrote something other than JSON")?;
            if let (Some(progress), Some(package)) = (&mut progress, artifact(&message)) {
                progress.add(package);
            }
            if let Some((name, path)) = executable(&message) {
                built.insert(name.to_owned(), PathBuf::from(path));
            }
        }
        ensure!(child.wait()?.success(), "the build failed");
        Ok(Self(built))
    }

    /// The path of a program.
    pub(crate) fn path(&self, program: Program) -> Result<&Path> {
        let path = self.0.get(program.name).map(PathBuf::as_path);
        path.with_context(|| format!("cargo did not build `{}`", program.name))
    }
}

/// The package of a compiled library, program or build script.
fn artifact(message: &Value) -> Option<&str> {
    let is_artifact = message.get("reason").is_some_and(|reason| reason == "compiler-artifact");
    message.get("package_id").filter(|_| is_artifact)?.as_str()
}

/// The name and the path of a program.
fn executable(message: &Value) -> Option<(&str, &str)> {
    artifact(message)?;
    let target = message.get("target")?;
    let is_program = target.get("kind")?.as_array()?.iter().any(|kind| kind == "bin");
    let name = target.get("name").filter(|_| is_program)?.as_str()?;
    Some((name, message.get("executable")?.as_str()?))
}

/// The packages that programs are built of.
fn crates(programs: &[Program]) -> Result<BTreeSet<String>> {
    let mut tree = cargo_command()?;
    tree.args(["tree", "--quiet", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    for program in programs {
        tree.args(["--package", program.package]);
    }
    // A package is listed again for each that depends on it, with marks after its name and version.
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(output(&mut tree)?.lines().filter(|line| !line.is_empty()).map(package).collect())
}

/// The progress of a build, printed in lines.
#[derive(Debug)]
struct Progress {
    total: usize,
    done: BTreeSet<String>,
    start: Instant,
    last: Instant,
}

impl Progress {
    const INTERVAL: Duration = Duration::from_secs(5);

    fn new(total: usize) -> Self {
        let now = Instant::now();
        Self { total, done: BTreeSet::new(), start: now, last: now }
    }

    fn add(&mut self, package: &str) {
        self.done.insert(package.to_owned());
        if self.last.elapsed() >= Self::INTERVAL {
            self.last = Instant::now();
            // The features of the whole workspace may need a crate that the programs alone would not.
            let done = self.done.len().min(self.total);
            println!("building: {done} of {} crates, {} s", self.total, self.start.elapsed().as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_are_told_from_libraries_and_build_scripts() {
        let message = |kind: &str, executable: Value| {
            json!({ "reason": "compiler-artifact", "package_id": "p", "executable": executable,
                    "target": { "kind": [kind], "name": "guardhouse" } })
        };
        assert_eq!(executable(&message("bin", json!("/t/guardhouse"))), Some(("guardhouse", "/t/guardhouse")));
        assert_eq!(executable(&message("lib", Value::Null)), None);
        assert_eq!(executable(&message("custom-build", json!("/t/build-script"))), None);
        assert_eq!(artifact(&json!({ "reason": "build-script-executed", "package_id": "p" })), None);
    }
}
