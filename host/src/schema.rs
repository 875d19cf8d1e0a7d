//! The settings schema of a plugin, written by a stranger, and settings held against it.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::error::Violation;
use crate::json::Json;
use crate::limits::HostLimits;

/// A JSON Schema (2020-12) that is small and closed: it refers to nothing outside itself and does not recur, so that
/// holding settings against it ends.
pub(crate) struct Schema {
    document: Json,
    validator: Validator,
}

/// Violations that are reported; settings may have any number.
const MAX_VIOLATIONS: usize = 10;
/// Bytes of one reported reason; it may quote the settings.
const MAX_REASON: usize = 300;
/// How deep subschemas may be nested once every reference is followed.
const MAX_DEPTH: usize = 200;

impl Schema {
    /// Reads a schema.
    pub(crate) fn parse(text: &str, limits: &HostLimits) -> Result<Self, String> {
        if text.len() > limits.schema_bytes {
            return Err(format!(
                "{} bytes, over the cap of {} bytes (`HostLimits::schema_bytes`)",
                text.len(),
                limits.schema_bytes
            ));
        }
        let document = Json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut nodes = limits.schema_nodes;
        measure(&document, &document, &mut nodes, 0)?;
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20).dfa_size_limit(1 << 20))
            .build(&document)
            .map_err(|error| clip(&error.to_string()))?;
        Ok(Self { document, validator })
    }

    pub(crate) fn document(&self) -> &Json {
        &self.document
    }

    /// Everything that is wrong with `settings`, up to [`MAX_VIOLATIONS`].
    pub(crate) fn violations(&self, settings: &Value) -> Vec<Violation> {
        self.validator
            .iter_errors(settings)
            .take(MAX_VIOLATIONS)
            .map(|error| Violation { pointer: error.instance_path().to_string(), reason: clip(&error.to_string()) })
            .collect()
    }
}

/// Follows every reference and counts what it meets. A schema of a few lines can stand for millions of subschemas,
/// and one that refers to itself for endlessly many.
fn measure(root: &Value, node: &Value, left: &mut usize, depth: usize) -> Result<(), String> {
    let too_large = "recursive, or too large once its references are followed (`HostLimits::schema_nodes`)";
    *left = left.checked_sub(1).ok_or(too_large)?;
    if depth > MAX_DEPTH {
        return Err(too_large.to_owned());
    }
    match node {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("$ref", Value::String(target)) => {
                        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                        let found =
                            found.ok_or_else(|| format!("`$ref` to `{}`, which is not in the schema", clip(target)))?;
                        measure(root, found, left, depth + 1)?;
                    }
                    ("$dynamicRef" | "$recursiveRef", _) => {
                        return Err(format!("`{key}` is not supported"));
                    }
                    ("$id", _) if depth > 0 => return Err("`$id` inside a schema is not supported".to_owned()),
                    _ => measure(root, value, left, depth + 1)?,
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                measure(root, value, left, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn clip(text: &str) -> String {
    if text.len() <= MAX_REASON {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_REASON)])
}
