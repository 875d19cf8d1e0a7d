//! `cargo xtask prove packages [STEP…]`: uses the packages in an empty folder outside the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::unpacked::Unpacked;
use super::{command, embedder, package};
use crate::process::run as run_command;
use crate::release::{clone, npm, sdist, wheel};
use crate::root;

/// A part of the proof, which needs an `In`.
struct Step<In: ?Sized> {
    name: &'static str,
    summary: &'static str,
    run: fn(&In) -> Result<()>,
}

/// The steps that use the crates.
const CRATES: &[Step<Place>] = &[
    Step { name: "tests", summary: "the tests of the unpacked crates", run: tests },
    Step {
        name: "embedder",
        summary: "a program that depends on the unpacked `guardhouse`: an allow and a denial",
        run: embedder::run,
    },
    Step {
        name: "command",
        summary: "the unpacked `guardhouse-cli` makes, builds, tests and checks a plugin of the unpacked `guardhouse-sdk`",
        run: command::run,
    },
];

/// The steps that build files of `dist/` and use them in an empty folder, or use those of the steps before.
const FILES: &[Step<Path>] = &[
    Step { name: "wheel", summary: "the wheel, without Rust and without FastMCP", run: wheel::run },
    Step { name: "sdist", summary: "the source distribution of the wheel, which pip builds", run: sdist::run },
    Step { name: "npm", summary: "the npm package, by `npx`", run: npm::run },
    Step { name: "clone", summary: "the commands of docs/install.md, in a new clone", run: clone::run },
];

/// Where the steps with crates work.
pub(super) struct Place {
    /// A folder outside the repository.
    pub(super) folder: PathBuf,
    pub(super) unpacked: Unpacked,
}

/// Runs all steps or the named ones. If a step uses the crates, it packages them and unpacks them outside the
/// repository.
pub(crate) fn prove(words: &[&str]) -> Result<()> {
    let known = || {
        CRATES.iter().map(|step| (step.name, step.summary)).chain(FILES.iter().map(|step| (step.name, step.summary)))
    };
    let list = || known().map(|(name, summary)| format!("\n  {name:<10} {summary}")).collect::<String>();
    for word in words {
        ensure!(known().any(|(name, _)| name == *word), "step `{word}` does not exist; there are:{}", list());
    }
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    fs::create_dir(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    if words.is_empty() || CRATES.iter().any(|step| words.contains(&step.name)) {
        let unpacked = Unpacked::new(&folder, &package()?)?;
        run(CRATES, words, &Place { unpacked, folder: folder.clone() }, &folder)?;
    }
    run(FILES, words, folder.as_path(), &folder)?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))
}

/// The folder outside the repository, which is always the same one: in another folder, cargo would compile everything
/// again, and keep what it compiled before.
fn folder() -> Result<PathBuf> {
    let root = root()?.display().to_string().replace('/', "-");
    Ok(std::env::temp_dir().join(format!("guardhouse-packages{root}")))
}

/// Runs the steps that are named, or all if no step is.
fn run<In: ?Sized>(steps: &[Step<In>], names: &[&str], input: &In, folder: &Path) -> Result<()> {
    for step in steps.iter().filter(|step| names.is_empty() || names.contains(&step.name)) {
        println!("\n== {}: {}", step.name, step.summary);
        (step.run)(input).with_context(|| format!("step `{}`, in `{}`", step.name, folder.display()))?;
    }
    Ok(())
}

fn tests(place: &Place) -> Result<()> {
    run_command(place.unpacked.cargo()?.args(["test", "--quiet", "--workspace"]))
}
