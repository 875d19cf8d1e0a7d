//! The languages that plugins are written in: one file for each, with everything that is particular to it.
//!
//! To add a language, add its file with a [`Spec`], declare the file and list the [`Spec`] in [`ALL`]. Nothing else in
//! the crate or in the command line names a language. The build script finds the SDK in `guest-sdk/` and the reference
//! plugin in `plugins/spending-limit/` by their folders.

mod spec;

mod c;
mod go;
mod javascript;
mod python;
mod python_driver;
mod python_runtime;
mod rust;
mod typescript;
mod zig;

mod driver;
mod manifest;
mod registry;
mod toml;
mod tool;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use manifest::read_manifest;
use spec::Spec;

pub(crate) use registry::{Registry, required_version};

use crate::build_environment::BuildEnvironment;
use crate::profile::Profile;

/// Every language, in the order in which they are listed to users.
const ALL: &[&Spec] =
    &[&rust::RUST, &javascript::JAVASCRIPT, &typescript::TYPESCRIPT, &python::PYTHON, &c::C, &go::GO, &zig::ZIG];

/// A language with an SDK. Its `Display` is its name, as people write it.
#[derive(Clone, Copy)]
pub struct Language(&'static Spec);

impl Language {
    /// Every language.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|spec| Self(spec))
    }

    /// The words for all languages, separated by commas.
    pub fn words() -> String {
        Self::all().map(Self::word).collect::<Vec<_>>().join(", ")
    }

    /// The word for the language on the command line, which is also the name of its folder in
    /// `plugins/spending-limit/`.
    pub fn word(self) -> &'static str {
        self.0.word
    }

    /// Other words for the language on the command line.
    pub fn aliases(self) -> &'static [&'static str] {
        self.0.aliases
    }

    fn has_word(self, word: &str) -> bool {
        self.word() == word || self.aliases().contains(&word)
    }

    /// The language of the project in `folder`.
    ///
    /// # Errors
    ///
    /// `folder` contains no project, or several.
    pub fn of(folder: &Path) -> Result<Self> {
        let marked: Vec<Self> = Self::all().filter(|language| folder.join(language.0.marker).is_file()).collect();
        let is_dialect_present = |word| marked.iter().any(|language| language.0.dialect_of == Some(word));
        let found: Vec<Self> = marked.iter().copied().filter(|language| !is_dialect_present(language.word())).collect();
        match found.as_slice() {
            [language] => Ok(*language),
            [] => bail!(
                "`{}` is not the folder of a plugin: it has none of {}; run `guardhouse new` to make one",
                folder.display(),
                markers(Self::all())
            ),
            several => bail!(
                "`{}` has projects in several languages: {}; keep one",
                folder.display(),
                markers(several.iter().copied())
            ),
        }
    }

    /// The name of its SDK's folder in `guest-sdk/`.
    pub(crate) fn sdk(self) -> &'static str {
        self.0.sdk
    }

    /// The file that names the plugin and its dependencies.
    pub(crate) fn manifest(self) -> &'static str {
        self.0.manifest
    }

    /// Reads the name of the project in `folder` from its manifest, as the language writes it.
    pub(crate) fn name(self, folder: &Path) -> Result<String> {
        let manifest = folder.join(self.0.manifest);
        let text = read_manifest(&manifest)?;
        (self.0.name)(&text).with_context(|| format!("`{}` does not name the plugin", manifest.display()))
    }

    /// Rejects a plugin name that only this language does not accept.
    pub(crate) fn check_name(self, name: &str) -> Result<()> {
        self.0.check_name.map_or(Ok(()), |check_name| check_name(name))
    }

    /// The text in a project that depends on its name, given as an identifier.
    pub(crate) fn fingerprint(self, identifier: &str) -> Option<String> {
        self.0.fingerprint.map(|fingerprint| fingerprint(identifier))
    }

    /// The registry that has the SDK; none if every project has a copy of it.
    pub(crate) fn registry(self) -> Option<&'static Registry> {
        self.0.registry.as_ref()
    }

    /// The command after a change of the copy of the SDK; none if the tools of the language read it at each build.
    pub(crate) fn update(self) -> Option<&'static str> {
        self.0.update
    }

    /// How the source exports its check, as the end of an error about a plugin that does not.
    pub(crate) fn export(self) -> &'static str {
        self.0.export
    }

    /// Whether the compiler puts a stack of LLVM into the core module.
    pub(crate) fn has_llvm_stack(self) -> bool {
        self.0.has_llvm_stack
    }

    /// Builds the project in `folder` for development, in a faster way. The result is a component, or none if the
    /// language or the project must be built as for a server.
    pub(crate) fn develop(self, folder: &Path, environment: &BuildEnvironment<'_>) -> Result<Option<Vec<u8>>> {
        self.0.develop.map_or(Ok(None), |develop| develop(folder, environment))
    }

    /// Builds the project in `folder`. The result is a core module or a component.
    pub(crate) fn build(self, folder: &Path, profile: Profile) -> Result<Vec<u8>> {
        (self.0.build)(folder, profile)
    }
}

fn markers(languages: impl Iterator<Item = Language>) -> String {
    languages.map(|language| format!("`{}`", language.0.marker)).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.label)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.word())
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.word() == other.word()
    }
}

impl Eq for Language {}

impl FromStr for Language {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let normal = word.to_lowercase();
        let language = Self::all().find(|language| language.has_word(&normal));
        language.ok_or_else(|| format!("unknown language `{word}`; use one of {}", Self::words()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::embedded;

    use super::*;

    #[test]
    fn words_are_unique_and_are_parsed() {
        for language in Language::all() {
            assert_eq!(language.word().parse(), Ok(language));
            assert_eq!(Language::all().filter(|other| *other == language).count(), 1, "{language}");
        }
        for (alias, word) in [
            ("py", "python"),
            ("Python3", "python"),
            ("typescript", "ts"),
            ("golang", "go"),
            ("RS", "rust"),
            ("C", "c"),
        ] {
            assert_eq!(alias.parse::<Language>().unwrap().word(), word);
        }
        for language in Language::all() {
            for alias in language.aliases() {
                assert_eq!(alias.to_lowercase(), *alias);
                assert_eq!(Language::all().filter(|other| other.has_word(alias)).count(), 1, "{alias}");
            }
        }
        let error = "cobol".parse::<Language>().unwrap_err();
        assert_eq!(error, "unknown language `cobol`; use one of rust, js, ts, python, c, go, zig");
    }

    #[test]
    fn a_project_is_recognized_by_its_marker() {
        for language in Language::all() {
            let folder = tempfile::tempdir().unwrap();
            for base in Language::all().filter(|base| language.0.dialect_of == Some(base.word())) {
                fs::write(folder.path().join(base.0.marker), "").unwrap();
            }
            fs::write(folder.path().join(language.0.marker), "").unwrap();
            assert_eq!(Language::of(folder.path()).unwrap(), language);
        }
    }

    #[test]
    fn the_reference_plugin_has_every_text_that_its_registry_replaces_once() {
        for language in Language::all() {
            for edit in language.registry().map_or(&[][..], |registry| registry.edits) {
                let file = embedded::plugin(language.word()).find(|(file, _)| *file == edit.file);
                let text = std::str::from_utf8(file.unwrap().1).unwrap();
                assert_eq!(text.matches(edit.old).count(), 1, "{language}: `{}` in {}", edit.old, edit.file);
            }
        }
    }

    #[test]
    fn a_folder_without_a_project_or_with_two_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let none = Language::of(folder.path()).unwrap_err().to_string();
        assert!(none.contains("none of `Cargo.toml`, `package.json`, "), "{none}");
        fs::write(folder.path().join("go.mod"), "").unwrap();
        fs::write(folder.path().join("package.json"), "").unwrap();
        let two = Language::of(folder.path()).unwrap_err().to_string();
        assert!(two.contains("several languages: `package.json`, `go.mod`"), "{two}");
    }
}
