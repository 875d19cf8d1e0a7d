//! The languages that plugins are written in.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Result, bail};

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, compiled by rustc.
    Rust,
    /// JavaScript, run by QuickJS inside the plugin.
    JavaScript,
    /// TypeScript, as JavaScript.
    TypeScript,
    /// Python, run by CPython inside the plugin.
    Python,
    /// C, compiled by clang as Zig brings it.
    C,
    /// Go, compiled by the Go project's compiler.
    Go,
    /// Zig.
    Zig,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 7] =
        [Self::Rust, Self::JavaScript, Self::TypeScript, Self::Python, Self::C, Self::Go, Self::Zig];

    /// The word for it on the command line, which is also the name of its folder in `plugins/spending-limit/`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
            Self::Zig => "zig",
        }
    }

    /// The name of its folder in `guest-sdk/`.
    pub(crate) fn sdk(self) -> &'static str {
        match self {
            Self::TypeScript => Self::JavaScript.word(),
            language => language.word(),
        }
    }

    /// The file by which a folder is known to be a project of the language.
    fn marker(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "package.json",
            Self::TypeScript => "tsconfig.json",
            Self::Python => "pyproject.toml",
            Self::C => "Makefile",
            Self::Go => "go.mod",
            Self::Zig => "build.zig.zon",
        }
    }

    /// The language of the project in `folder`.
    ///
    /// # Errors
    ///
    /// There is none, or several.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut found: Vec<Self> =
            Self::ALL.into_iter().filter(|language| folder.join(language.marker()).is_file()).collect();
        if found.contains(&Self::TypeScript) {
            found.retain(|language| *language != Self::JavaScript);
        }
        let markers = |languages: &[Self]| {
            let markers: Vec<String> = languages.iter().map(|language| format!("`{}`", language.marker())).collect();
            markers.join(", ")
        };
        match found.as_slice() {
            [language] => Ok(*language),
            [] => bail!(
                "`{}` holds no project: there is none of {}; `guardhouse new` starts one",
                folder.display(),
                markers(&Self::ALL)
            ),
            several => bail!("`{}` holds several projects: {}; keep one", folder.display(), markers(several)),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::C => "C",
            Self::Go => "Go",
            Self::Zig => "Zig",
        })
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|language| language.word() == word).ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("no language `{word}`; there are {words}")
        })
    }
}
