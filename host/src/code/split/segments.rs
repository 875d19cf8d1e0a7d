//! The data segments that the code of a module refers to.
//!
//! Only these stay in the code: every instance of a module has an entry for each of its segments, and the tools that
//! take snapshots leave thousands which nothing refers to.

use std::collections::BTreeMap;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, DataSection};
use wasmparser::{DataKind, FunctionBody, Operator, Parser, Payload};

use crate::guest::reason::Reason;

/// The segments that stay, by their former indices; each has its place in this order as its new index.
pub(super) struct Segments {
    places: BTreeMap<u32, u32>,
    /// Whether an index changes.
    is_renumbered: bool,
    pub(super) section: DataSection,
}

impl Segments {
    /// The segments that the functions of a module name.
    pub(super) fn of(module: &[u8]) -> Result<Self, Reason> {
        let mut places = BTreeMap::new();
        let mut section = DataSection::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::CodeSectionEntry(body) => {
                    for index in named(&body)? {
                        places.insert(index, 0);
                    }
                }
                Payload::DataSection(segments) if !places.is_empty() => {
                    for (index, segment) in (0_u32..).zip(segments) {
                        let segment = segment?;
                        if places.contains_key(&index) {
                            match segment.kind {
                                DataKind::Passive => section.passive(segment.data.iter().copied()),
                                // An active segment is empty once the instance is made.
                                DataKind::Active { .. } => section.passive([]),
                            };
                        }
                    }
                }
                _ => {}
            }
        }
        let mut is_renumbered = false;
        for (new, (old, place)) in (0_u32..).zip(&mut places) {
            is_renumbered |= new != *old;
            *place = new;
        }
        Ok(Self { places, is_renumbered, section })
    }

    /// The code section with the new indices, or `None` if it stays as it is.
    pub(super) fn renumbered(&mut self, module: &[u8]) -> Result<Option<CodeSection>, Reason> {
        if !self.is_renumbered {
            return Ok(None);
        }
        let mut code = CodeSection::new();
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::CodeSectionEntry(body) = payload? {
                if named(&body)?.is_empty() {
                    code.raw(body.as_bytes());
                } else {
                    self.parse_function_body(&mut code, body).map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(Some(code))
    }
}

impl Reencode for Segments {
    type Error = std::convert::Infallible;

    fn data_index(&mut self, data: u32) -> Result<u32, reencode::Error<Self::Error>> {
        // A segment that is named has a place.
        Ok(self.places.get(&data).copied().unwrap_or(data))
    }
}

/// The segments that a function names.
fn named(body: &FunctionBody<'_>) -> Result<Vec<u32>, Reason> {
    if !may_name_segments(body.as_bytes()) {
        return Ok(Vec::new());
    }
    let mut segments = Vec::new();
    for operator in body.get_operators_reader()? {
        if let Operator::MemoryInit { data_index, .. } | Operator::DataDrop { data_index } = operator? {
            segments.push(data_index);
        }
    }
    Ok(segments)
}

/// Whether the bytes of a function may contain `memory.init` or `data.drop`. Both begin with the byte 0xfc; 8 or 9
/// follows, and may be written with more bytes than necessary.
fn may_name_segments(body: &[u8]) -> bool {
    body.windows(2).any(|pair| matches!(pair, [0xfc, next] if matches!(next & 0x7f, 8 | 9)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn only_the_segments_that_functions_name_stay() {
        for (functions, stays, is_renumbered) in [
            ("(func)", vec![], false),
            ("(func (data.drop 0))", vec![0], false),
            ("(func (data.drop 1))", vec![1], true),
            ("(func (memory.init 2 (i32.const 0) (i32.const 0) (i32.const 0)))", vec![2], true),
            ("(func (data.drop 2)) (func) (func (data.drop 0))", vec![0, 2], true),
        ] {
            let text = format!(r#"(module (memory 1) (data "a") (data (i32.const 0) "b") (data "c") {functions})"#);
            let mut segments = Segments::of(&module(&text)).unwrap();
            assert_eq!(segments.places.keys().copied().collect::<Vec<_>>(), stays, "{functions}");
            assert_eq!(segments.section.len() as usize, stays.len(), "{functions}");
            assert_eq!(segments.renumbered(&module(&text)).unwrap().is_some(), is_renumbered, "{functions}");
        }
    }

    #[test]
    fn an_operator_is_found_in_each_of_its_encodings() {
        for bytes in [&[0xfc, 8][..], &[0x0b, 0xfc, 9], &[0xfc, 0x88, 0x80, 0]] {
            assert!(may_name_segments(bytes), "{bytes:?}");
        }
        assert!(!may_name_segments(&[0xfc, 10, 8, 0xfc]));
    }
}
