//! `guardhouse inspect`

use anyhow::Result;
use clap::{Args, ValueHint};

use crate::host_options::HostOptions;
use crate::input::Document;
use crate::inspection::Inspection;
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
  2  the plugin does not load

Examples:
  guardhouse inspect builtin:require-scopes
  guardhouse inspect builtin:require-scopes --settings '{\"scopes\": [\"read\"]}'
  guardhouse inspect ./tenant.wasm --json")]
pub(crate) struct InspectArgs {
    /// The path of a component, or `builtin:NAME`
    #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: PluginSource,

    /// Settings for the plugin: makes a check with them, and prints how its instances start
    #[arg(long, value_name = "JSON|@FILE|@-")]
    settings: Option<Document>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &InspectArgs) -> Result<Output> {
    let inspection = Inspection::new(&args.plugin, args.settings.as_ref(), &args.host.host()?)?;
    let text = if args.json { output::json_line(&inspection)? } else { inspection.to_string() };
    Ok(Output { text, exit: inspection.exit() })
}
