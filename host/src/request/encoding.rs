//! The encoding of documents: UTF-8, as RFC 8259 requires. Editors may write a byte order mark, or another encoding.

/// The text of a document, without the byte order mark. The error names the encoding, or the first byte that is not
/// UTF-8.
pub(super) fn text(document: &[u8]) -> Result<&str, String> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    // JSON begins with two characters of ASCII, or has only one: a zero byte among the first two tells the encoding.
    let found = match document {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, ..] | [_, 0, 0, 0, ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => "UTF-16",
        _ => return std::str::from_utf8(document).map_err(|error| invalid(document, error.valid_up_to())),
    };
    Err(format!("the document is {found}, and JSON is UTF-8: save it as UTF-8"))
}

fn invalid(document: &[u8], position: usize) -> String {
    let (before, rest) = document.split_at_checked(position).unwrap_or((document, &[]));
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let byte = rest.first().copied().unwrap_or_default();
    format!("the document is not UTF-8: byte 0x{byte:02x} at line {line} column {column}; save it as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        for document in ["{}", "\u{feff}{}"] {
            assert_eq!(text(document.as_bytes()), Ok("{}"));
        }
        assert_eq!(text("\u{feff}\u{feff}{}".as_bytes()), Ok("\u{feff}{}"), "only one");
        assert_eq!(text(b""), Ok(""));
    }

    #[test]
    fn another_encoding_is_named() {
        for start in ["{\"a\": 1}", "\u{feff}{\"a\": 1}", "7", "\u{feff}"] {
            for document in [utf_16(start, u16::to_le_bytes), utf_16(start, u16::to_be_bytes)] {
                let error = text(&document).unwrap_err();
                assert_eq!(error, "the document is UTF-16, and JSON is UTF-8: save it as UTF-8", "{document:?}");
            }
            for order in [u32::to_le_bytes, u32::to_be_bytes] {
                let document: Vec<u8> = start.chars().flat_map(|character| order(character.into())).collect();
                assert!(text(&document).unwrap_err().contains("is UTF-32"), "{document:?}");
            }
        }
        let error = text(b"{\n \"name\": \"J\xf6rg\"}").unwrap_err();
        assert_eq!(error, "the document is not UTF-8: byte 0xf6 at line 2 column 12; save it as UTF-8");
    }
}
