//! `guardhouse schema`

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueHint};
use guardhouse::AuthContext;
use guardhouse_server::config::ServerConfig;
use guardhouse_server::policy::schema;

use crate::host_options::HostOptions;
use crate::output::{self, Output};
use crate::source::PluginSource;
use crate::{cases, testing};

/// Print the JSON Schema of a document
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse schema context
  guardhouse schema cases > cases.schema.json
  guardhouse schema policy
  guardhouse schema server
  guardhouse schema settings builtin:require-scopes")]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    document: Document,
}

#[derive(Debug, Subcommand)]
enum Document {
    /// The context: the request that checks decide on
    Context,
    /// The report of `guardhouse test --json`
    TestReport,
    /// The policy of a tenant: `policy.toml`
    Policy,
    /// The cases of a plugin: `cases.json`
    Cases,
    /// The cases of a policy: `cases.toml`
    PolicyCases,
    /// The configuration of a server: `guardhouse.toml`
    Server,
    /// The settings of a plugin, as the plugin declares them
    Settings {
        /// The path of a component, or `builtin:NAME`
        #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
        plugin: PluginSource,

        #[command(flatten)]
        host: HostOptions,
    },
}

pub(crate) fn run(args: &SchemaArgs) -> Result<Output> {
    let text = match &args.document {
        Document::Context => output::pretty_json(&AuthContext::json_schema())?,
        Document::Policy => output::pretty_json(&schema::policy())?,
        Document::Cases => output::pretty_json(&cases::schema::cases())?,
        Document::TestReport => output::pretty_json(&testing::schema::report())?,
        Document::PolicyCases => output::pretty_json(&schema::cases())?,
        Document::Server => output::pretty_json(&ServerConfig::json_schema())?,
        Document::Settings { plugin: source, host } => {
            let plugin = source.load(&host.host()?)?;
            let schema = plugin.settings_schema().with_context(|| format!("`{source}` takes no settings"))?;
            output::pretty_json(schema)?
        }
    };
    Ok(Output::success(text))
}
