//! `guardhouse inspect`

use anyhow::Result;
use clap::{Args, ValueHint};
use guardhouse::Host;

use crate::exit::Exit;
use crate::inspection::Inspection;
use crate::output::{self, Output};
use crate::source::PluginSource;

/// Look into a plugin, and say whether it loads here
///
/// Prints what the plugin is made of and what it asks for, or exactly why it does not load. Nothing of it is run but
/// the function that returns its settings schema.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the plugin loads
  1  the command failed, for example because there is no such file
  2  the plugin does not load

Examples:
  guardhouse inspect builtin:require-scopes
  guardhouse inspect ./tenant.wasm --json")]
pub(crate) struct InspectArgs {
    /// The path of a component, or `builtin:NAME`
    #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: PluginSource,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &InspectArgs) -> Result<Output> {
    let inspection = Inspection::new(&args.plugin, &Host::new()?)?;
    let text = if args.json { output::json_line(&inspection)? } else { inspection.to_string() };
    let exit = if inspection.loads { Exit::Success } else { Exit::DoesNotLoad };
    Ok(Output { text, exit })
}
