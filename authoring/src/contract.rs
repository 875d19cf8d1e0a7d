//! The contract between host and plugin: a copy of `wit/` in the program.

use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wit_parser::{Resolve, SourceMap, WorldId};

const TYPES: &str = include_str!("../wit/types.wit");

/// The files of `wit/`, by their paths in it.
const FILES: &[(&str, &str)] = &[
    ("check.wit", include_str!("../wit/check.wit")),
    ("request.wit", include_str!("../wit/request.wit")),
    ("types.wit", TYPES),
    ("worlds.wit", include_str!("../wit/worlds.wit")),
    (LOGGING.0, LOGGING.1),
];

const LOGGING: (&str, &str) = ("deps/wasi-logging/logging.wit", include_str!("../wit/deps/wasi-logging/logging.wit"));

/// Parses the contract.
///
/// # Errors
///
/// `wit/` is invalid, which the tests of this crate exclude.
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

/// The full name of an interface or a world of the contract, such as `guardhouse:auth/check@0.1.0`. The version is the
/// one that `wit/` declares.
pub(crate) fn interface(name: &str) -> String {
    let declared = TYPES.lines().find_map(|line| line.strip_prefix("package ")?.strip_suffix(';'));
    let (package, version) = declared.and_then(|package| package.split_once('@')).unwrap_or_default();
    format!("{package}/{name}@{version}")
}

/// The digest of the contract, in hexadecimal.
pub(crate) fn digest() -> String {
    let text: String = FILES.iter().map(|(name, text)| format!("{name} {}\n{text}", text.len())).collect();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Adds `text`, a package with one world, to a parsed contract.
pub(crate) fn add_world(resolve: &mut Resolve, text: &str) -> Result<WorldId> {
    let package = resolve.push_source("plugin.wit", text)?;
    resolve.select_world(&[package], None).context("the package has no world")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_are_those_that_the_parser_gives_them() {
        let resolve = resolve().unwrap();
        for name in ["check", "settings", "step-up", "request", "raw-token"] {
            assert!(resolve.interfaces.iter().any(|(id, _)| resolve.id_of(id) == Some(interface(name))), "{name}");
        }
    }
}
