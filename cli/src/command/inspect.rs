//! `guardhouse inspect`

use anyhow::Result;
use clap::{Args, ValueHint};

use crate::exit::Exit;
use crate::host_options::HostOptions;
use crate::input::Document;
use crate::inspection::Inspection;
use crate::output::{self, Output};
use crate::source::PluginSource;

/// Look into a plugin, and say whether it loads here
///
/// Prints what the plugin is made of and what it asks for, or exactly why it does not load. Nothing of it is run but
/// the function that returns its settings schema, and with `--settings` the one that takes them.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the plugin loads
  1  the command failed, for example because there is no such file
  2  the plugin does not load

Examples:
  guardhouse inspect builtin:require-scopes
  guardhouse inspect builtin:require-scopes --settings '{\"scopes\": [\"read\"]}'
  guardhouse inspect ./tenant.wasm --json")]
pub(crate) struct InspectArgs {
    /// The path of a component, or `builtin:NAME`
    #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: PluginSource,

    /// Settings for the plugin: makes a check of it, and says where its instances start
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
    let exit = if inspection.loads { Exit::Success } else { Exit::DoesNotLoad };
    Ok(Output { text, exit })
}
