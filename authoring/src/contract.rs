//! The contract between host and plugin, as text: a copy of `wit/` that is always at hand.

use std::path::Path;

use anyhow::{Context, Result};
use wit_parser::{Resolve, SourceMap, WorldId};

/// The version of the contract that plugins are built against.
const VERSION: &str = "0.1.0";

/// The files of `wit/`, by their paths in it.
const FILES: &[(&str, &str)] = &[
    ("check.wit", include_str!("../../wit/check.wit")),
    ("request.wit", include_str!("../../wit/request.wit")),
    ("types.wit", include_str!("../../wit/types.wit")),
    ("worlds.wit", include_str!("../../wit/worlds.wit")),
    (LOGGING.0, LOGGING.1),
];

const LOGGING: (&str, &str) =
    ("deps/wasi-logging/logging.wit", include_str!("../../wit/deps/wasi-logging/logging.wit"));

/// The full name of an interface or a world of the contract.
pub(crate) fn interface(name: &str) -> String {
    format!("guardhouse:auth/{name}@{VERSION}")
}

/// Writes the contract into a folder.
pub(crate) fn write(folder: &Path) -> Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// The contract, read.
///
/// # Errors
///
/// None, as long as `wit/` is valid.
pub fn resolve() -> Result<Resolve> {
    let mut resolve = Resolve::default();
    resolve.push_source(LOGGING.0, LOGGING.1)?;
    let mut contract = SourceMap::default();
    for (name, text) in FILES.iter().filter(|file| **file != LOGGING) {
        contract.push_str(name, *text);
    }
    resolve.push_group(contract.parse().map_err(|(_, error)| error)?)?;
    Ok(resolve)
}

/// Adds `text`, a package with one world, to `resolve`.
pub(crate) fn push(resolve: &mut Resolve, text: &str) -> Result<WorldId> {
    let package = resolve.push_source("plugin.wit", text)?;
    resolve.select_world(&[package], None).context("there is no world")
}
