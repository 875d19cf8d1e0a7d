//! `guardhouse new`

use std::path::Path;

use anyhow::Result;
use clap::Args;
use guardhouse_authoring::{Language, SDK_SOURCE, new_project};

use crate::output::Output;

/// Create a plugin project
///
/// Creates a folder with a check that builds and passes its tests, and with a copy of the SDK, which `guardhouse
/// upgrade` replaces later. The README.md in the folder explains the next steps.
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
    new_project(Path::new(&args.name), &args.name, args.lang, SDK_SOURCE)?;
    Ok(Output::success(format!("created `{0}` ({1}); see `{0}/README.md`\n", args.name, args.lang)))
}
