//! Lines: one JSON document on one line, without characters that change how a terminal shows it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// The smallest line that may be the maximum, in bytes: that of a decision without its context, checks and texts fits.
pub const MIN_LINE_BYTES: usize = 4 << 10;

/// One JSON document on a line of at most `max_bytes`, with its line end; none if it has more bytes.
#[must_use]
pub(in crate::observe) fn line<T: Serialize>(document: &T, max_bytes: usize) -> Option<Vec<u8>> {
    let mut bounded = Bounded { bytes: Vec::with_capacity(512), max: max_bytes.checked_sub(1)? };
    document.serialize(&mut Serializer::with_formatter(&mut bounded, Escaping)).ok()?;
    bounded.bytes.push(b'\n');
    Some(bounded.bytes)
}

struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.max {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact JSON, in which all control characters and marks of direction are escapes. JSON itself demands this only of the
/// first 32 characters.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Most texts are printable ASCII.
        if fragment.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        for part in fragment.split_inclusive(needs_escape) {
            let plain = part.trim_end_matches(needs_escape);
            writer.write_all(plain.as_bytes())?;
            for character in part.get(plain.len()..).unwrap_or_default().chars() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// True for control characters, line and paragraph separators, and characters that change the direction of text.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_character_that_a_terminal_obeys() {
        let text = "a\nb\u{1b}[2J\u{7f}\u{9b}ä\u{2028}\u{202e}z\u{202e}\u{202e}";
        let bytes = line(&text, 1_000).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        let expected = r#""a\nb\u001b[2J\u007f\u009bä\u2028\u202ez\u202e\u202e""#;
        assert_eq!(written.strip_suffix('\n'), Some(expected));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn a_line_has_exactly_as_many_bytes_as_it_may_have() {
        assert_eq!(line(&"abc", 6).as_deref(), Some(&b"\"abc\"\n"[..]));
        for max_bytes in 0..6 {
            assert_eq!(line(&"abc", max_bytes), None);
        }
    }
}
