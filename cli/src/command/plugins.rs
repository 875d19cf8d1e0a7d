//! `guardhouse plugins`

use clap::Args;
use guardhouse::{Digest, builtin};

use crate::output::Output;
use crate::text::{Fields, grouped};

/// List the plugins that ship with Guardhouse
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse plugins
  guardhouse inspect builtin:require-scopes")]
pub(crate) struct PluginsArgs {}

/// A summary of each plugin.
const SUMMARIES: &[(&str, &str)] = &[
    ("argument-limit", "limits a number among the arguments of a call"),
    ("deny-with-message", "denies every request, with the message of its settings"),
    ("require-auth", "allows every caller that is authenticated"),
    ("require-roles", "allows tokens that hold every role of its settings in a claim"),
    ("require-scopes", "allows tokens that hold every scope of its settings"),
    ("restrict-tag", "asks for scopes only where the component carries a tag"),
];

pub(crate) fn run(_: &PluginsArgs) -> Output {
    let plugins: Vec<String> = builtin::NAMES.iter().map(|name| describe(name)).collect();
    Output::success(plugins.join("\n"))
}

fn describe(name: &str) -> String {
    let bytes = builtin::bytes(name).unwrap_or_default();
    let summary = SUMMARIES.iter().find(|(known, _)| *known == name).map_or("", |(_, summary)| summary);
    let mut fields = Fields::indented(2);
    fields.add("summary", summary);
    fields.add("digest", &Digest::of(bytes).to_string());
    fields.add("size", &format!("{} bytes", grouped(bytes.len())));
    format!("builtin:{name}\n{}", fields.into_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_has_a_summary_and_no_other_has() {
        let summarized: Vec<&str> = SUMMARIES.iter().map(|(name, _)| *name).collect();
        assert_eq!(summarized, builtin::NAMES);
    }
}
