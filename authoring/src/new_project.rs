//! `guardhouse new`: makes a project whose plugin builds, passes its tests and runs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::embedded;
use crate::languages::Language;
use crate::project::check_name;
use crate::sdk_source::SdkSource;
use crate::vendored::{FOLDER, VendoredSdk};
use crate::version::VERSION;

/// The name of the reference plugin, which is replaced by that of the new one, and the same as an identifier.
const REFERENCE_NAME: &str = "spending-limit";
const REFERENCE_IDENTIFIER: &str = "spending_limit";

/// The folder with the SDKs, as the reference plugin refers to it.
const REFERENCE_FOLDER: &str = "../../..";

/// Makes the folder `folder` with the source of a plugin called `name`: a copy of the reference plugin in `language`,
/// which uses the SDK from `source`.
///
/// # Errors
///
/// The name is invalid, the folder exists already, or it cannot be written.
pub fn new_project(folder: &Path, name: &str, language: Language, source: SdkSource) -> Result<()> {
    check_name(name)?;
    language.check_name(name)?;
    fs::create_dir(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let written = write_all(folder, name, language, source);
    if written.is_err() {
        // Without this, the next attempt would fail because the folder exists. The first error is the one to report.
        let _ = fs::remove_dir_all(folder);
    }
    written
}

fn write_all(folder: &Path, name: &str, language: Language, source: SdkSource) -> Result<()> {
    let replacements = replacements(name, language);
    let renamed = |text: String| replacements.iter().fold(text, |text, (old, new)| text.replace(old, new));
    let registry = language.registry().filter(|_| source == SdkSource::Registry);
    for (file, bytes) in embedded::plugin(language.word()) {
        let path = folder.join(renamed(file.to_owned()));
        match (std::str::from_utf8(bytes), registry) {
            (Ok(text), Some(registry)) => {
                write(&path, renamed(registry.edit(file, text.to_owned(), VERSION)).as_bytes())?;
            }
            (Ok(text), None) => write(&path, renamed(text.to_owned()).as_bytes())?,
            (Err(_), _) => write(&path, bytes)?,
        }
    }
    match registry {
        Some(registry) => {
            registry.added(VERSION).try_for_each(|(file, text)| write(&folder.join(file), text.as_bytes()))
        }
        None => VendoredSdk::new(language)?.write(folder),
    }
}

/// Each text of the reference plugin that is replaced in a new plugin, with its replacement.
fn replacements(name: &str, language: Language) -> Vec<(String, String)> {
    let identifier = name.replace('-', "_");
    let sdks = |folder: &str| format!("{folder}/guest-sdk");
    let mut replacements = vec![(sdks(REFERENCE_FOLDER), sdks(&format!("./{FOLDER}")))];
    replacements.extend(language.fingerprint(REFERENCE_IDENTIFIER).zip(language.fingerprint(&identifier)));
    replacements.push((REFERENCE_NAME.to_owned(), name.to_owned()));
    replacements.push((REFERENCE_IDENTIFIER.to_owned(), identifier));
    replacements
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let create = || -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, bytes)
    };
    create().with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use SdkSource::{Registry, Vendored};

    use crate::project::Project;

    use super::*;

    /// A new project in a folder that is removed with the first value.
    pub(crate) fn project(language: Language, source: SdkSource) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("my-check");
        new_project(&project, "my-check", language, source).unwrap();
        (folder, project)
    }

    fn language(word: &str) -> Language {
        word.parse().unwrap()
    }

    #[test]
    fn a_project_of_every_language_has_its_name() {
        for language in Language::all() {
            for source in [Registry, Vendored] {
                let (_folder, project) = project(language, source);
                let opened = Project::open(&project).unwrap();
                assert_eq!((opened.name(), opened.language()), ("my-check", language));
            }
        }
    }

    #[test]
    fn a_project_has_a_copy_of_the_sdk_unless_it_is_from_a_registry() {
        for language in Language::all() {
            for source in [Registry, Vendored] {
                let (_folder, project) = project(language, source);
                let copy = project.join(FOLDER);
                let is_vendored = source == Vendored || language.registry().is_none();
                assert_eq!(copy.join("guest-sdk").join(language.sdk()).join("README.md").is_file(), is_vendored);
                assert_eq!(project.join("third_party").exists(), is_vendored, "{language}");
            }
        }
    }

    #[test]
    fn a_manifest_requires_the_published_sdk_in_this_version() {
        let lock =
            format!("    \"node_modules/guardhouse-sdk\": {{\n      \"version\": \"{VERSION}\",\n      \"license\"");
        let cases = [
            ("rust", "Cargo.toml", format!("\nguardhouse-sdk = \"{VERSION}\"\n")),
            ("js", "package.json", format!("\n    \"guardhouse-sdk\": \"^{VERSION}\"\n")),
            ("js", "package-lock.json", format!("\n        \"guardhouse-sdk\": \"^{VERSION}\"\n")),
            ("js", "package-lock.json", lock.clone()),
            ("ts", "package.json", format!("\n    \"guardhouse-sdk\": \"^{VERSION}\"\n")),
            ("ts", "package-lock.json", lock),
            ("python", "requirements-sdk.txt", format!("guardhouse-sdk=={VERSION}\n")),
            ("python", "pyproject.toml", "\nrequires-python = \">=3.10\"\n\n[tool.pyright]\n".to_owned()),
        ];
        for (word, file, expected) in cases {
            let (_folder, project) = project(language(word), Registry);
            let text = fs::read_to_string(project.join(file)).unwrap();
            assert!(text.contains(&expected), "{word}: `{expected}` is not in {file}:\n{text}");
        }
    }

    #[test]
    fn a_project_with_the_published_sdk_refers_to_no_copy_of_it() {
        for language in Language::all().filter(|language| language.registry().is_some()) {
            let (_folder, project) = project(language, Registry);
            for file in embedded::plugin(language.word()).map(|(file, _)| file) {
                let text = fs::read_to_string(project.join(file)).unwrap();
                for copy in ["guest-sdk", "third_party", "install-links", "{version}"] {
                    assert!(!text.contains(copy), "{language}: `{copy}` is in {file}:\n{text}");
                }
            }
        }
    }

    #[test]
    fn the_tools_of_a_project_in_python_leave_the_copy_of_the_sdk_alone() {
        let (_folder, project) = project(language("python"), Vendored);
        let manifest = fs::read_to_string(project.join("pyproject.toml")).unwrap();
        for setting in [
            "exclude = [\"third_party\", ",
            "exclude = [\"^third_party/\", ",
            "addopts = [\"--ignore=third_party\"]",
            "mypy_path = [\"./third_party/guardhouse/guest-sdk/python\"]",
        ] {
            assert_eq!(manifest.matches(setting).count(), 1, "`{setting}` in {manifest}");
        }
    }

    #[test]
    fn a_project_in_zig_has_the_fingerprint_of_its_name() {
        let (_folder, project) = project(language("zig"), Vendored);
        let manifest = fs::read_to_string(project.join("build.zig.zon")).unwrap();
        assert!(manifest.contains(".name = .my_check,"), "{manifest}");
        assert!(manifest.contains(".fingerprint = 0x50481ed76768a002,"), "{manifest}");
    }

    #[test]
    fn a_name_that_one_language_rejects_makes_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("test");
        assert!(new_project(&project, "test", language("zig"), Vendored).is_err());
        assert!(!project.exists());
        new_project(&project, "test", language("c"), Vendored).unwrap();
    }
}
