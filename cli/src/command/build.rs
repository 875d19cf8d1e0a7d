//! `guardhouse build`

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueHint};
use guardhouse_authoring::{Profile, Project};

use crate::building;
use crate::host_options::HostOptions;
use crate::inspection::Inspection;
use crate::output::Output;
use crate::source::PluginSource;

/// Build a plugin from its source
///
/// Detects the language of the project, runs its tools, makes a component of their output, and loads it as a host
/// does. Prints a summary of what `inspect` prints. If the build fails, the component of an earlier one is not kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the plugin was built, and loads
  1  the plugin was not built
  2  the plugin was built, but does not load
  128+N  ended by signal N: 130 after Ctrl-C")]
pub(crate) struct BuildArgs {
    /// The folder of the project
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// Build the plugin for a server, as `build/NAME.wasm`
    #[arg(long)]
    release: bool,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &BuildArgs) -> Result<Output> {
    let project = Project::open(&args.folder)?;
    let profile = if args.release { Profile::Release } else { Profile::Development };
    building::build(&project, profile)?;
    let source = PluginSource::File(project.component(profile));
    let inspection = Inspection::new(&source, &args.host.host()?)?;
    Ok(Output { text: inspection.summary(), exit: inspection.exit() })
}
