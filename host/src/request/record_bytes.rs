//! The size of the record part of a request, which every check gets.

/// The size of an optional text, in bytes.
pub(super) fn optional(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

/// The size of a list of texts, in bytes.
pub(super) fn list(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len() + 8).sum()
}
