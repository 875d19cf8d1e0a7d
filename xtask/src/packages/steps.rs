//! `cargo xtask prove packages [STEP]`: uses the packages in an empty folder outside the repository.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::unpacked::Unpacked;
use super::{command, embedder, package};
use crate::process::run as run_command;

/// A part of the proof.
struct Step {
    name: &'static str,
    summary: &'static str,
    run: fn(&Place) -> Result<()>,
}

const STEPS: &[Step] = &[
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

/// Where the steps work.
pub(super) struct Place {
    /// A folder outside the repository.
    pub(super) folder: PathBuf,
    pub(super) unpacked: Unpacked,
}

/// Packages the crates, unpacks them outside the repository, and runs all steps or the named one.
pub(crate) fn prove(words: &[&str]) -> Result<()> {
    let steps: Vec<&Step> = match words {
        [] => STEPS.iter().collect(),
        [name] => STEPS.iter().filter(|step| step.name == *name).collect(),
        _ => bail!("`prove packages` takes the name of one step"),
    };
    let list = || STEPS.iter().map(|step| format!("\n  {:<10} {}", step.name, step.summary)).collect::<String>();
    ensure!(!steps.is_empty(), "step `{}` does not exist; there are:{}", words.join(" "), list());

    let packages = package()?;
    let folder = std::env::temp_dir().join(format!("guardhouse-packages-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let place = Place { unpacked: Unpacked::new(&folder, &packages)?, folder };
    for step in steps {
        println!("\n== {}: {}", step.name, step.summary);
        (step.run)(&place).with_context(|| format!("step `{}`, in `{}`", step.name, place.folder.display()))?;
    }
    fs::remove_dir_all(&place.folder).with_context(|| format!("cannot remove `{}`", place.folder.display()))
}

fn tests(place: &Place) -> Result<()> {
    run_command(place.unpacked.cargo()?.args(["test", "--quiet", "--workspace"]))
}
