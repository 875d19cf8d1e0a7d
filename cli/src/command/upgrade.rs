//! `guardhouse upgrade`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueHint};
use guardhouse_authoring::upgrade;

use crate::output::Output;
use crate::text::escaped;

/// Set the SDK of a project to the version of this command
///
/// Replaces the copy of the SDK in the project's folder `third_party/guardhouse`, or, if the project uses a published
/// SDK, sets its version in the manifest. Lists the changed files. Other files of the project are not changed.
///
/// If files of the copy were edited, nothing is changed, unless `--force` is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse upgrade
  guardhouse upgrade path/to/my-check")]
pub(crate) struct UpgradeArgs {
    /// The folder of the project
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// Discard changes to the copy of the SDK, or go back to an older version
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &UpgradeArgs) -> Result<Output> {
    let upgrade = upgrade(&args.folder, args.force)?;
    let folder = args.folder.display().to_string();
    let (folder, to) = (escaped(&folder), &upgrade.to);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match &upgrade.from {
        _ if upgrade.changes.is_empty() => writeln!(text, "the SDK of `{folder}` is up to date: {to}"),
        Some(from) if from == to => writeln!(text, "the SDK of `{folder}` is {to} again, without its edits:"),
        Some(from) => writeln!(text, "the SDK of `{folder}` was {from}, and is {to}:"),
        None => writeln!(text, "the SDK of `{folder}` is {to}:"),
    };
    for change in &upgrade.changes {
        let _ = writeln!(text, "  {:<8} {}", change.kind, escaped(&change.path));
    }
    for tool in &upgrade.unpinned {
        let _ = writeln!(text, "`requirements.txt` does not pin `{tool}`, with which this version was tested");
    }
    if !upgrade.changes.is_empty() {
        let update = upgrade.update.map_or(String::new(), |update| format!("`{update}`, "));
        let place = if args.folder == Path::new(".") { String::new() } else { format!(", in `{folder}`") };
        let _ = writeln!(text, "next{place}: {update}`guardhouse build`, `guardhouse test`");
    }
    Ok(Output::success(text))
}
