//! A folder that holds the source of one plugin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::language::Language;

/// The requests by which a plugin is tested, and what it must answer.
pub const CASES: &str = "cases.json";

/// A plugin's folder, as its author has it.
#[derive(Debug, Clone)]
pub struct Project {
    folder: PathBuf,
    name: String,
    language: Language,
}

impl Project {
    /// Finds out what is in `folder`.
    ///
    /// # Errors
    ///
    /// It holds no project, or one without a name.
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("cannot open `{}`", folder.display()))?;
        let language = Language::of(&folder)?;
        let name = name(&folder, language)?;
        check_name(&name).with_context(|| format!("the project in `{}` cannot be built", folder.display()))?;
        Ok(Self { folder, name, language })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name that it gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is written in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Where its component is built.
    pub fn component(&self) -> PathBuf {
        self.folder.join("build").join(&self.name).with_extension("wasm")
    }

    /// A text file of the project.
    pub(crate) fn read(&self, file: &str) -> Result<String> {
        read(&self.folder, file)
    }
}

/// Whether a plugin may be called `name`: what every language's packages may be called. An error says what would do.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.ends_with(|last: char| last != '-')
        && name.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
        && !name.contains("--")
        && name.len() <= 50;
    ensure!(
        fits,
        "`{name}` is no name for a plugin; take lower-case letters, digits and single hyphens, a letter first, at most 50"
    );
    Ok(())
}

/// The name in the metadata of the language.
fn name(folder: &Path, language: Language) -> Result<String> {
    let (file, key) = match language {
        Language::Rust => ("Cargo.toml", "name = "),
        Language::JavaScript | Language::TypeScript => ("package.json", "\"name\": "),
        Language::Python => ("pyproject.toml", "name = "),
        Language::C => ("Makefile", "NAME = "),
        Language::Go => ("go.mod", "module "),
        Language::Zig => ("build.zig.zon", ".name = "),
    };
    let name = value(&read(folder, file)?, key)
        .with_context(|| format!("`{}` gives no name: it has no line `{key}…`", folder.join(file).display()))?;
    // Where a name must be an identifier it has underscores, and Go's names are paths.
    Ok(name.rsplit('/').next().unwrap_or_default().trim_start_matches('.').replace('_', "-"))
}

/// The value in the first line that starts with `key`, without its quotes.
pub(crate) fn value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim_start().strip_prefix(key))?;
    Some(value.trim_matches(|character: char| character.is_whitespace() || matches!(character, '"' | ',')).to_owned())
}

fn read(folder: &Path, file: &str) -> Result<String> {
    let path = folder.join(file);
    fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_every_language_takes() {
        for name in ["a", "my-check", "v2-limits"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "2fast", "my_check", "-a", "a-", "a--b", "über", "a/b", "..", &"a".repeat(51)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_name_is_found_as_each_language_writes_it() {
        for (text, key) in [
            ("[package]\nname = \"my-check\"\n", "name = "),
            ("{\n  \"name\": \"my-check\",\n}", "\"name\": "),
            ("module my-check\n\ngo 1.24\n", "module "),
            ("NAME = my-check\n", "NAME = "),
        ] {
            assert_eq!(value(text, key).as_deref(), Some("my-check"), "{text}");
        }
    }
}
