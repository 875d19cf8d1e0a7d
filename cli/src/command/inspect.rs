//! `guardhouse inspect`

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueHint};

use crate::host_options::HostOptions;
use crate::input::Document;
use crate::inspection::{Configuration, Inspection};
use crate::limit_options::LimitOptions;
use crate::output::{self, Output};
use crate::source::PluginSource;

/// Describe a plugin, and say whether it loads
///
/// Prints the plugin's contents and imports, or the exact reason why it does not load. Of its functions, only the one
/// that returns the settings schema is called, and with `--settings` also the one that takes the settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the plugin loads
  1  the command failed, for example because the file does not exist
  2  the plugin does not load, or was not built from what is in the folder

Examples:
  guardhouse inspect builtin:require-scopes
  guardhouse inspect builtin:require-scopes --settings '{\"scopes\": [\"read\"]}'
  guardhouse inspect ./tenant.wasm --json
  guardhouse inspect build/my-check.wasm --source .")]
pub(crate) struct InspectArgs {
    /// The path of a component, or `builtin:NAME`
    #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: PluginSource,

    /// Settings for the plugin: makes a check with them, and prints how its instances start
    #[arg(long, value_name = "JSON|@FILE|@-")]
    settings: Option<Document>,

    /// Make an image of a large plugin too, which compiles it twice more; one of a small plugin is always made
    #[arg(long, requires = "settings")]
    image: bool,

    /// Compare what the plugin says of its origin with the project in this folder: its sources, the files that pin
    /// versions, and the SDK. The plugin says it itself, so a hostile one can say anything
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    source: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &InspectArgs) -> Result<Output> {
    let configuration = match &args.settings {
        Some(settings) => Some(Configuration { settings, limits: args.limits.limits()?, has_image: args.image }),
        None => {
            ensure!(!args.limits.is_given(), "limits of a check need `--settings`: without it, no check is made");
            None
        }
    };
    let mut inspection = Inspection::with_settings(&args.plugin, configuration, &args.host.host()?)?;
    if let Some(folder) = &args.source {
        inspection = inspection.compared_with(folder)?;
    }
    let text = if args.json { output::json_line(&inspection)? } else { inspection.to_string() };
    Ok(Output { text, exit: inspection.exit() })
}
