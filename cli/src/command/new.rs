//! `guardhouse new`

use std::path::Path;

use anyhow::Result;
use clap::Args;
use guardhouse_authoring::{Language, new_project};

use crate::output::Output;

/// Start a plugin of your own
///
/// Makes a folder with a check that builds, passes its tests and runs, and the SDK beside it. Its README.md tells the
/// commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse new my-check --lang rust
  guardhouse new my-check --lang python")]
pub(crate) struct NewArgs {
    /// The name of the plugin and of its folder
    name: String,

    #[arg(long, value_name = "LANGUAGE", help = format!("The language: one of {}", Language::words()))]
    lang: Language,
}

pub(crate) fn run(args: &NewArgs) -> Result<Output> {
    new_project(Path::new(&args.name), &args.name, args.lang)?;
    Ok(Output::success(format!(
        "`{0}` is a plugin in {1}; `{0}/README.md` tells how to build it\n",
        args.name, args.lang
    )))
}
