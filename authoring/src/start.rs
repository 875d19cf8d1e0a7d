//! `guardhouse new`: a folder with a plugin that builds, passes its tests and runs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::contract;
use crate::language::Language;
use crate::languages::zig;
use crate::project::check_name;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The names by which the reference plugin calls itself. A new plugin has its own in their place.
const NAMES: [&str; 2] = ["spending-limit", "spending_limit"];

/// Where the reference plugin finds the SDKs, and where a new plugin does: beside its source, because its build must
/// not depend on what is elsewhere.
const SDK_PATHS: [&str; 2] = ["../../../guest-sdk", "./third_party/guardhouse/guest-sdk"];

/// Makes the folder `folder` with the source of a plugin called `name`, a copy of the reference plugin.
///
/// # Errors
///
/// The name will not do, the folder is there already, or it cannot be written.
pub fn start(folder: &Path, name: &str, language: Language) -> Result<()> {
    check_name(name)?;
    if language == Language::Zig {
        zig::check_name(name)?;
    }
    fs::create_dir(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let written = write_all(folder, name, language);
    if written.is_err() {
        // Half a project would only be in the way of the next attempt. The first error is the one to show.
        let _ = fs::remove_dir_all(folder);
    }
    written
}

fn write_all(folder: &Path, name: &str, language: Language) -> Result<()> {
    let identifier = name.replace('-', "_");
    let (old_fingerprint, fingerprint) = (zig::fingerprint(NAMES[1]), zig::fingerprint(&identifier));
    let named = |text: &str| {
        text.replace(SDK_PATHS[0], SDK_PATHS[1])
            .replace(&old_fingerprint, &fingerprint)
            .replace(NAMES[0], name)
            .replace(NAMES[1], &identifier)
    };
    for (file, bytes) in below(PLUGINS, language.word()) {
        match std::str::from_utf8(bytes) {
            Ok(text) => write(&folder.join(named(file)), named(text).as_bytes())?,
            Err(_) => write(&folder.join(named(file)), bytes)?,
        }
    }
    let sdk = folder.join(SDK_PATHS[1]).join(language.sdk());
    for (file, bytes) in below(SDKS, language.sdk()) {
        write(&sdk.join(file), bytes)?;
    }
    if language == Language::Rust {
        // Its bindings are made by its compiler.
        contract::write(&folder.join("third_party/guardhouse/wit"))?;
    }
    Ok(())
}

/// The files of one folder, by their paths in it.
fn below(files: &'static [(&str, &[u8])], folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    files.iter().filter_map(move |(file, bytes)| Some((file.strip_prefix(folder)?.strip_prefix('/')?, *bytes)))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let create = || -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, bytes)
    };
    create().with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_in_zig_is_bound_to_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("my-check");
        start(&project, "my-check", Language::Zig).unwrap();
        let manifest = fs::read_to_string(project.join("build.zig.zon")).unwrap();
        assert!(manifest.contains(".name = .my_check,"), "{manifest}");
        assert!(manifest.contains(&format!(".fingerprint = {},", zig::fingerprint("my_check"))), "{manifest}");
    }

    #[test]
    fn a_name_that_only_zig_refuses_starts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("test");
        assert!(start(&project, "test", Language::Zig).is_err());
        assert!(!project.exists());
        start(&project, "test", Language::C).unwrap();
    }
}
