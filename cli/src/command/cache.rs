//! `guardhouse cache`

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueHint};
use guardhouse::HostLimits;
use guardhouse::units::format_size;
use serde::Serialize;

use crate::cache_folder::{CacheFolder, Content};
use crate::output::{self, Output};
use crate::text::{Fields, escaped, grouped};

/// Show or clear the cache of machine code
///
/// All commands keep the machine code of plugins in one folder: that of `--cache`, or of `GUARDHOUSE_CACHE`, or
/// `guardhouse` in the user's folder for caches (`$XDG_CACHE_HOME`, or `~/.cache`). When it is full, the entries that were
/// not used for the longest time are removed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse cache
  guardhouse cache clear")]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    action: Option<Action>,

    /// The folder [default: the one that the other commands use]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, global = true)]
    cache: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Action {
    /// Print the folder, the number of entries, and their size
    Show,
    /// Remove all entries
    Clear,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    folder: String,
    entries: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cap_bytes: Option<u64>,
}

pub(crate) fn run(args: &CacheArgs) -> Result<Output> {
    let folder = CacheFolder::find(args.cache.as_deref())
        .context("the folder of the cache is unknown, because `HOME` is not set; name one with `--cache FOLDER`")?;
    let is_clear = args.action == Some(Action::Clear);
    let content = if is_clear { folder.clear() } else { folder.content() };
    let Content { entries, bytes } = content.context(folder.origin.name())?;
    let cap_bytes = (!is_clear).then(|| HostLimits::default().cache_bytes);
    let answer = Answer { folder: folder.path.display().to_string(), entries, bytes, cap_bytes };
    Ok(Output::success(match (args.json, cap_bytes) {
        (true, _) => output::json_line(&answer)?,
        (false, None) => {
            let (folder, count) = (escaped(&answer.folder), grouped(entries));
            format!("removed {count} entries, {} bytes, from `{folder}`\n", grouped(bytes))
        }
        (false, Some(cap)) => {
            let mut fields = Fields::indented(0);
            fields.add("folder", &answer.folder);
            fields.add("entries", &grouped(entries));
            fields.add("size", &format!("{} bytes", grouped(bytes)));
            fields.add(
                "cap",
                &format!("{} bytes ({}); `--host-limit cache_bytes=…` sets another", grouped(cap), format_size(cap)),
            );
            fields.into_text()
        }
    }))
}
