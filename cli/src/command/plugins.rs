//! `guardhouse plugins`

use clap::Args;
use guardhouse::Digest;
use guardhouse::builtin::{self, Builtin};

use crate::output::Output;
use crate::text::{Fields, grouped};

/// List the plugins that ship with Guardhouse
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse plugins
  guardhouse inspect builtin:require-scopes")]
pub(crate) struct PluginsArgs {}

pub(crate) fn run(_: &PluginsArgs) -> Output {
    let plugins: Vec<String> = builtin::ALL.iter().map(describe).collect();
    Output::success(plugins.join("\n"))
}

fn describe(builtin: &Builtin) -> String {
    let Builtin { name, summary, bytes, .. } = builtin;
    let mut fields = Fields::indented(2);
    fields.add("summary", summary);
    fields.add("digest", &Digest::of(bytes).to_string());
    fields.add("size", &format!("{} bytes", grouped(bytes.len())));
    format!("builtin:{name}\n{}", fields.into_text())
}
