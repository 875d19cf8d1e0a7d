//! The end of a plugin's output, for a warning.

use crate::log_line::LogLine;

/// The output of a plugin in a WARN event, in bytes, with its escapes. The end of it is what the fault is about.
const OUTPUT_BYTES: usize = 4 << 10;

/// The last lines of an output, at most [`OUTPUT_BYTES`] as they are written, and the bytes of text before them.
pub(super) fn last_lines(logs: &[LogLine]) -> (Vec<LogLine>, usize) {
    let all: usize = logs.iter().map(|line| line.text.len()).sum();
    let (mut kept, mut left) = (Vec::new(), OUTPUT_BYTES);
    for LogLine { source, text } in logs.iter().rev() {
        let frame = format!("{:?}", LogLine::new(source, "")).len();
        let Some(room) = left.checked_sub(frame) else { break };
        let end;
        (end, left) = last_part(text, room);
        kept.push(LogLine::new(source, end));
        if end.len() < text.len() {
            break;
        }
    }
    kept.reverse();
    let kept_bytes: usize = kept.iter().map(|line| line.text.len()).sum();
    (kept, all - kept_bytes)
}

/// The longest end of a text that takes at most `room` bytes with its escapes, and the room that is left.
fn last_part(text: &str, mut room: usize) -> (&str, usize) {
    let fits = |(_, character): &(usize, char)| {
        let length = character.escape_debug().map(char::len_utf8).sum();
        room.checked_sub(length).map(|left| room = left).is_some()
    };
    let start = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(start, _)| start);
    (&text[start..], room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_an_output_are_kept_within_the_cap_of_their_escaped_text() {
        let lines = |text: &str, count: usize| vec![LogLine::new("stdout", text); count];
        for (logs, kept) in [
            (lines("x", 3), 3),
            (lines("", 0), 0),
            (lines("", 65_536), 107),
            (lines(&"x".repeat(65_536), 1), 1),
            (lines(&"\u{1}".repeat(65_536), 1), 1),
            (lines(&"\u{1f600}".repeat(16_384), 1), 1),
            (lines(&"\"\n".repeat(500), 60), 2),
        ] {
            let (last, left_out) = last_lines(&logs);
            assert_eq!(last.len(), kept, "{} lines", logs.len());
            let bytes = |lines: &[LogLine]| lines.iter().map(|line| line.text.len()).sum::<usize>();
            assert_eq!(bytes(&last) + left_out, bytes(&logs));
            // Each line has a comma after it.
            assert!(format!("{last:?}").len() <= OUTPUT_BYTES + 2 * last.len() + 2, "{}", format!("{last:?}").len());
            for (line, original) in last.iter().rev().zip(logs.iter().rev()) {
                assert!(original.text.ends_with(&line.text));
            }
        }
    }
}
