//! Places in a text, as an editor counts them.

use std::fmt;

/// A line and a column, both from 1 on. A column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The place of a byte of `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// The reason of an error in `text` with its column in characters: the parser counts bytes.
pub(crate) fn in_characters(text: &str, reason: &str) -> String {
    let counted = || {
        let (start, place) = reason.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
        let content = text.split('\n').nth(line.checked_sub(1)?)?;
        let bytes = content.get(..content.floor_char_boundary(column))?;
        // A column beyond the line is that of the end of the line.
        let beyond = column.saturating_sub(content.len());
        Some(format!("{start} at {}", Place { line, column: bytes.chars().count() + beyond }))
    };
    counted().unwrap_or_else(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let text = "{\n  \"é\": 1,\n\"b\": 2}";
        let at = |part: &str| Place::of(text, text.find(part).unwrap()).to_string();
        assert_eq!([at("{"), at("1"), at("\"b")], ["line 1 column 1", "line 2 column 8", "line 3 column 1"]);
        assert_eq!(Place::of(text, 1_000).to_string(), "line 3 column 8");
    }

    #[test]
    fn the_column_of_the_parser_is_counted_in_characters() {
        let text = "[\"éé\", x]";
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err().to_string();
        assert_eq!(error, "expected value at line 1 column 10");
        assert_eq!(in_characters(text, &error), "expected value at line 1 column 8");
        for reason in ["no place", "odd at line x column 2", "at line 9 column 9 or so", " at line 0 column 1"] {
            assert_eq!(in_characters(text, reason), reason);
        }
    }
}
