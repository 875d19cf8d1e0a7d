//! `guardhouse new`: makes a project whose plugin builds, passes its tests and runs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::languages::Language;
use crate::project::check_name;

// The constants `SDKS` and `PLUGINS`: the files of all SDKs and of all reference plugins, by their paths.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The name of the reference plugin, which is replaced by that of the new one, and the same as an identifier.
const REFERENCE_NAME: &str = "spending-limit";
const REFERENCE_IDENTIFIER: &str = "spending_limit";

/// The folder of the SDKs, as the reference plugin refers to it.
const REFERENCE_SDKS: &str = "../../../guest-sdk";

/// The folder of the SDK in a new project. A project has its own copy, so that it builds wherever it is.
const VENDORED_SDKS: &str = "./third_party/guardhouse/guest-sdk";

/// Makes the folder `folder` with the source of a plugin called `name`: a copy of the reference plugin in `language`,
/// and the SDK.
///
/// # Errors
///
/// The name is invalid, the folder exists already, or it cannot be written.
pub fn new_project(folder: &Path, name: &str, language: Language) -> Result<()> {
    check_name(name)?;
    language.check_name(name)?;
    fs::create_dir(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let written = write_all(folder, name, language);
    if written.is_err() {
        // Without this, the next attempt would fail because the folder exists. The first error is the one to report.
        let _ = fs::remove_dir_all(folder);
    }
    written
}

fn write_all(folder: &Path, name: &str, language: Language) -> Result<()> {
    let replacements = replacements(name, language);
    let renamed = |text: &str| replacements.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
    for (file, bytes) in below(PLUGINS, language.word()) {
        let path = folder.join(renamed(file));
        match std::str::from_utf8(bytes) {
            Ok(text) => write(&path, renamed(text).as_bytes())?,
            Err(_) => write(&path, bytes)?,
        }
    }
    let sdk = folder.join(VENDORED_SDKS).join(language.sdk());
    for (file, bytes) in below(SDKS, language.sdk()) {
        write(&sdk.join(file), bytes)?;
    }
    Ok(())
}

/// Each text of the reference plugin that is replaced in a new plugin, with its replacement.
fn replacements(name: &str, language: Language) -> Vec<(String, String)> {
    let identifier = name.replace('-', "_");
    let mut replacements = vec![(REFERENCE_SDKS.to_owned(), VENDORED_SDKS.to_owned())];
    replacements.extend(language.fingerprint(REFERENCE_IDENTIFIER).zip(language.fingerprint(&identifier)));
    replacements.push((REFERENCE_NAME.to_owned(), name.to_owned()));
    replacements.push((REFERENCE_IDENTIFIER.to_owned(), identifier));
    replacements
}

/// The files of one folder, with their paths in it.
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
    use crate::project::Project;

    use super::*;

    #[test]
    fn a_project_of_every_language_has_its_name_and_its_sdk() {
        for language in Language::all() {
            let folder = tempfile::tempdir().unwrap();
            let project = folder.path().join("my-check");
            new_project(&project, "my-check", language).unwrap();
            let opened = Project::open(&project).unwrap();
            assert_eq!((opened.name(), opened.language()), ("my-check", language));
            assert!(project.join(VENDORED_SDKS).join(language.sdk()).join("README.md").is_file(), "{language}");
        }
    }

    #[test]
    fn a_project_in_zig_has_the_fingerprint_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("my-check");
        new_project(&project, "my-check", "zig".parse().unwrap()).unwrap();
        let manifest = fs::read_to_string(project.join("build.zig.zon")).unwrap();
        assert!(manifest.contains(".name = .my_check,"), "{manifest}");
        assert!(manifest.contains(".fingerprint = 0x50481ed76768a002,"), "{manifest}");
    }

    #[test]
    fn a_name_that_one_language_rejects_makes_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("test");
        assert!(new_project(&project, "test", "zig".parse().unwrap()).is_err());
        assert!(!project.exists());
        new_project(&project, "test", "c".parse().unwrap()).unwrap();
    }
}
