//! Text for a terminal. Messages, logs and names come from untrusted plugins, which must not be able to move the cursor,
//! hide a line or reverse one.

use std::fmt::{Display, Write};

/// Escapes control characters, for example as `\n` or `\u{1b}`, so that `text` is on one line. Backslashes are not
/// escaped: the exact text is in the JSON output.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if needs_escape(character) {
            escaped.extend(character.escape_debug());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Escapes the control characters of each line, and indents all lines but the first, so that an untrusted text cannot
/// forge a line of the program's own.
pub(crate) fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n  ")
}

/// Escapes control characters in JSON as `\u…`. They occur only in strings, except for the line ends of the layout.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if needs_escape(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// True for control characters, line and paragraph separators, and characters that change the direction of text.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The texts in backticks, separated by commas.
pub(crate) fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{}`", escaped(text))).collect::<Vec<_>>().join(", ")
}

/// A whole number with commas between groups of three digits.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes, with its unit.
pub(crate) fn byte_count(bytes: usize) -> String {
    format!("{} bytes", grouped(bytes))
}

/// Lines of a label and a value, with the values in one column.
#[derive(Debug)]
pub(crate) struct Fields {
    text: String,
    indent: usize,
}

/// The column of the values: after the longest label and two spaces.
const VALUE_COLUMN: usize = 12;

impl Fields {
    /// Starts without lines. Each line will be indented by `indent` spaces.
    pub(crate) fn indented(indent: usize) -> Self {
        Self { text: String::new(), indent }
    }

    /// Adds a value of any number of lines, each of which is escaped. An empty value adds nothing.
    pub(crate) fn add(&mut self, label: &str, value: &str) {
        for (index, line) in value.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            let line = format!("{:1$}{label:VALUE_COLUMN$}{2}", "", self.indent, escaped(line));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// Adds a value, if there is one.
    pub(crate) fn add_optional(&mut self, label: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(label, &value.to_string());
        }
    }

    /// Adds a line for each value.
    pub(crate) fn add_each(&mut self, label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        let lines: Vec<String> = values.into_iter().map(|value| escaped(value.as_ref())).collect();
        self.add(label, &lines.join("\n"));
    }

    /// The lines.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
