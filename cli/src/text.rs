//! Text for a terminal. Messages, logs and names come from plugins, and a plugin must not be able to move the cursor,
//! hide a line or turn one around.

use std::fmt::{Display, Write};

/// `text` on one line, with every character that a terminal obeys rather than shows written as an escape, for
/// example `\n` and `\u{1b}`. A backslash stays as it is: the exact text is in the JSON output.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_obeyed(character) {
            escaped.extend(character.escape_debug());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The same JSON with those characters written as `\u…`. Only strings can hold any, beside the line ends of the
/// layout.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_obeyed(character) && character != '\n' {
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

/// Controls, line and paragraph separators, and what changes the direction of text.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The texts in backticks, with commas between them.
pub(crate) fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{}`", escaped(text))).collect::<Vec<_>>().join(", ")
}

/// A whole number with a comma between thousands.
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

/// Lines of a label and a value, the values under each other.
#[derive(Debug)]
pub(crate) struct Fields {
    text: String,
    indent: usize,
}

/// The longest label and two spaces.
const VALUE_COLUMN: usize = 12;

impl Fields {
    /// No lines yet; those to come start with `indent` spaces.
    pub(crate) fn indented(indent: usize) -> Self {
        Self { text: String::new(), indent }
    }

    /// Adds a value: nothing, one line or several. All of it is escaped but the ends of the lines.
    pub(crate) fn add(&mut self, label: &str, value: &str) {
        for (index, line) in value.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            let line = format!("{:1$}{label:VALUE_COLUMN$}{2}", "", self.indent, escaped(line));
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// Adds a list: a line for each value, and none without any.
    pub(crate) fn add_each(&mut self, label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        let lines: Vec<String> = values.into_iter().map(|value| escaped(value.as_ref())).collect();
        self.add(label, &lines.join("\n"));
    }

    /// All lines.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
