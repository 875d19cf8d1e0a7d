//! The number of parts of an image, for benchmarks.

use serde::Serialize;
use wasmparser::{Parser, Payload, TypeRef};

use crate::guest::reason::Reason;
use crate::image::snapshot::Recipe;
use crate::image::split_snapshot;
use crate::util::panic::catch;
use crate::util::text::clip;

/// The number of those parts of an image that each of its instances has to make anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ImageParts {
    /// The data segments of its code. The address and the size of each are written into every instance.
    pub data_segments: usize,
    /// The globals that its code imports from its state. Each is looked up by name for every instance.
    pub imported_globals: usize,
}

impl ImageParts {
    /// Makes an image, and counts its parts.
    pub(crate) fn of(recipe: Recipe<'_>) -> Result<Self, Reason> {
        let split = catch(|| split_snapshot(recipe));
        let split = split.unwrap_or_else(|message| Err(format!("it panicked: {}", clip(&message)).into()))?;
        Self::of_code(&split.code)
    }

    /// Counts over all modules of a component.
    fn of_code(code: &[u8]) -> Result<Self, Reason> {
        let mut parts = Self::default();
        for payload in Parser::new(0).parse_all(code) {
            match payload? {
                Payload::DataSection(section) => parts.data_segments += section.count() as usize,
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        parts.imported_globals += usize::from(matches!(import?.ty, TypeRef::Global(_)));
                    }
                }
                _ => {}
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_segments_and_imported_globals_of_all_modules_count() {
        let component = wat::parse_str(
            r#"(component
                (core module
                    (import "state" "a" (global i32))
                    (import "state" "m" (memory 1))
                    (data "x")
                    (data (i32.const 0) "y"))
                (core module
                    (import "state" "a" (global (mut i64)))
                    (import "state" "b" (global i32))
                    (global i32 (i32.const 1))))"#,
        );
        let parts = ImageParts::of_code(&component.unwrap()).unwrap();
        assert_eq!(parts, ImageParts { data_segments: 2, imported_globals: 3 });
    }
}
