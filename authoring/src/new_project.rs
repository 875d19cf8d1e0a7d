//! `guardhouse new`: makes a project whose plugin builds, passes its tests and runs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::embedded;
use crate::languages::Language;
use crate::place;
use crate::project::check_name;
use crate::sdk_source::SdkSource;
use crate::vendored::{FOLDER, VendoredSdk};
use crate::version::VERSION;

/// The name of the reference plugin, which is replaced by that of the new one, and the same as an identifier.
const REFERENCE_NAME: &str = "spending-limit";
const REFERENCE_IDENTIFIER: &str = "spending_limit";

/// The folder with the SDKs, as the reference plugin refers to it.
const REFERENCE_FOLDER: &str = "../../..";

/// The files of a project that a folder may have already: they are kept as they are.
const KEPT: &[&str] = &[".gitignore", README];

/// The file that explains a project.
const README: &str = "README.md";

/// The sections of the README with the first commands.
const INSTALL: &str = "## Install the tools";
const TEST: &str = "## Test the function";

/// The result of [`new_project`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewProject {
    /// The command that installs the tools of the language.
    pub install: Option<String>,
    /// The command that runs the unit tests of the function.
    pub test: Option<String>,
    /// The files that the folder had, and that were kept: each with the text that the project would have had there.
    pub kept: Vec<(&'static str, String)>,
}

/// Makes a project of a plugin called `name` in `folder`: a copy of the reference plugin in `language`, which uses the
/// SDK from `source`.
///
/// The folder may exist. No file in it is overwritten: a `README.md` or a `.gitignore` is kept, and any other file that the
/// project has too is an error. If the project cannot be made, the folder is as it was.
///
/// # Errors
///
/// The name is invalid; the folder has a project, or files that the project has too, which the error lists; or it cannot be
/// written.
pub fn new_project(folder: &Path, name: &str, language: Language, source: SdkSource) -> Result<NewProject> {
    check_name(name)?;
    language.check_name(name)?;
    if folder.is_dir() {
        ensure!(
            Language::of(folder).is_err(),
            "`{}` has the project of a plugin already; choose another folder",
            folder.display()
        );
        return place(folder, name, language, source);
    }
    fs::create_dir(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let made = place(folder, name, language, source);
    if made.is_err() {
        // Without this, the next attempt would find a folder. The first error is the one to report.
        let _ = fs::remove_dir(folder);
    }
    made
}

/// Writes the project into a folder inside of `folder`, and moves its files from there.
fn place(folder: &Path, name: &str, language: Language, source: SdkSource) -> Result<NewProject> {
    let draft = tempfile::Builder::new().prefix(".guardhouse-").tempdir_in(folder);
    let draft = draft.with_context(|| format!("cannot write to `{}`", folder.display()))?;
    write_all(draft.path(), name, language, source)?;
    let readme = fs::read_to_string(draft.path().join(README)).unwrap_or_default();
    let kept = KEPT.iter().filter(|file| fs::symlink_metadata(folder.join(file)).is_ok());
    let kept: Vec<(&str, String)> =
        kept.map(|file| (*file, fs::read_to_string(draft.path().join(file)).unwrap_or_default())).collect();
    for (file, _) in &kept {
        fs::remove_file(draft.path().join(file)).with_context(|| format!("cannot leave out `{file}`"))?;
    }
    place::move_into(draft.path(), folder)?;
    draft.close().with_context(|| format!("cannot remove a temporary folder in `{}`", folder.display()))?;
    Ok(NewProject { install: command(&readme, INSTALL), test: command(&readme, TEST), kept })
}

/// The first command in a section of a README.
fn command(readme: &str, section: &str) -> Option<String> {
    let (_, section) = readme.split_once(section)?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, code) = section.split_once("```sh\n")?;
    code.split_once("\n```").map(|(command, _)| command.to_owned())
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
    fn the_next_commands_are_those_of_the_readme() {
        for language in Language::all() {
            for source in [Registry, Vendored] {
                let folder = tempfile::tempdir().unwrap();
                let made = new_project(folder.path(), "my-check", language, source).unwrap();
                let commands = [made.install.unwrap(), made.test.unwrap()];
                for command in &commands {
                    assert!(!command.is_empty() && !command.contains("../../.."), "{language}: {command}");
                }
                assert!(commands[1].contains("test"), "{language}: {commands:?}");
                assert_eq!(made.kept, []);
                assert_eq!(fs::read_dir(folder.path()).unwrap().filter(is_draft).count(), 0);
            }
        }
    }

    fn is_draft(entry: &std::io::Result<fs::DirEntry>) -> bool {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".guardhouse-")
    }

    #[test]
    fn a_folder_keeps_its_files_and_a_file_of_both_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for file in [".git/HEAD", "LICENSE", "README.md", ".gitignore", "src/mine.rs"] {
            write(&folder.path().join(file), b"mine").unwrap();
        }
        let made = new_project(folder.path(), "my-check", language("rust"), Vendored).unwrap();
        let kept: Vec<&str> = made.kept.iter().map(|(file, _)| *file).collect();
        assert_eq!(kept, [".gitignore", "README.md"]);
        assert!(made.kept[0].1.contains("target/"), "{:?}", made.kept);
        for file in [".git/HEAD", "LICENSE", "README.md", ".gitignore", "src/mine.rs"] {
            assert_eq!(fs::read(folder.path().join(file)).unwrap(), b"mine", "{file}");
        }
        assert!(folder.path().join("src/lib.rs").is_file());
        let again = new_project(folder.path(), "my-check", language("go"), Vendored).unwrap_err().to_string();
        assert!(again.contains("has the project of a plugin already"), "{again}");

        let folder = tempfile::tempdir().unwrap();
        for file in ["check.c", "cases.json/x", "third_party"] {
            write(&folder.path().join(file), b"mine").unwrap();
        }
        let error = new_project(folder.path(), "my-check", language("c"), Vendored).unwrap_err().to_string();
        assert!(error.contains("`cases.json`, `check.c`, `third_party`"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was added");
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
