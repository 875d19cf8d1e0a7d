//! Problems of files that people write: what is wrong, where, and how to mend it.

use std::fmt;

use serde::Serialize;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The path of the file, relative to its folder: `policy.toml`.
    pub file: String,
    /// The position in the file, if the problem has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The key that is wrong, from the root of the file: `rules[2].when.kind`. Empty for a problem of the whole file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Problem {
    /// A problem of a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), position: None, key: String::new(), message: message.into(), help: None }
    }

    /// The same problem at a position.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// The same problem of a key.
    #[must_use]
    pub fn of_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// The same problem with a way to mend it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Position {
    /// The position of a byte of `text`. An offset behind its end is its end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Self { line, column: before.get(line_start..).unwrap_or_default().chars().count() + 1 }
    }
}

/// Shows `policy.toml:7:3: rules[2].when.kind: …`, and how to mend it on a second line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The longest text of a file in a message, in bytes.
const MAX_QUOTED_BYTES: usize = 200;

/// The beginning of a text that someone else wrote, with `…` where it was cut.
pub(crate) fn clip(text: &str) -> String {
    match text.split_at_checked(text.floor_char_boundary(MAX_QUOTED_BYTES)) {
        Some((beginning, rest)) if !rest.is_empty() => format!("{beginning}…"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters() {
        let text = "a\nbä c\n";
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (5, 2, 3), (8, 3, 1), (99, 3, 1)] {
            assert_eq!(Position::of(text, offset), Position { line, column }, "{offset}");
        }
    }

    #[test]
    fn a_problem_names_the_place_and_the_way_to_mend_it() {
        let problem = Problem::new("policy.toml", "`kin` does not exist").of_key("rules[0].when.kin");
        let problem = problem.at(Position { line: 7, column: 3 }).with_help("write `kind`");
        let expected = "policy.toml:7:3: rules[0].when.kin: `kin` does not exist\n  help: write `kind`";
        assert_eq!(problem.to_string(), expected);
        assert_eq!(Problem::new("policy.toml", "not UTF-8").to_string(), "policy.toml: not UTF-8");
    }
}
