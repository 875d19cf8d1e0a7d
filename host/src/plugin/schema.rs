//! The settings schema of a plugin, which is untrusted, and the validation of settings.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::error::Violation;
use crate::limits::HostLimits;
use crate::request::json::Json;
use crate::util::text::clip;

/// A JSON Schema (2020-12) that is small and closed: it refers to nothing outside itself and is not recursive, so that
/// the time of validation is bounded.
pub(crate) struct Schema {
    document: Json,
    validator: Validator,
    /// The number of subschemas, with every reference followed.
    nodes: usize,
}

/// The maximum nesting of subschemas, with every reference followed.
const MAX_DEPTH: usize = 200;
/// The maximum memory of one compiled pattern, in bytes.
const PATTERN_BYTES: usize = 128 << 10;
/// The maximum number of validation steps. In the worst case, every subschema is applied to every value of the
/// settings.
const MAX_STEPS: usize = 10_000_000;

impl Schema {
    /// Reads a schema. The error says which rule it breaks.
    pub(super) fn parse(text: &str, limits: &HostLimits) -> Result<Self, String> {
        if text.len() > limits.schema_bytes {
            let (length, cap) = (text.len(), limits.schema_bytes);
            return Err(format!("{length} bytes, over the cap of {cap} bytes (`HostLimits::schema_bytes`)"));
        }
        let document = Json::from_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut left = Budget { nodes: limits.schema_nodes, patterns: limits.schema_patterns };
        left.spend(&document, &document, 0)?;
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES))
            .build(&document)
            .map_err(|error| clip(&error.to_string()))?;
        Ok(Self { document, validator, nodes: limits.schema_nodes - left.nodes })
    }

    pub(super) fn document(&self) -> &Json {
        &self.document
    }

    /// Validates settings. The error is the first violation.
    pub(crate) fn check(&self, settings: &Value) -> Result<(), Violation> {
        let values = count(settings);
        if self.nodes.saturating_mul(values) > MAX_STEPS {
            let nodes = self.nodes;
            let reason = format!("{values} values are too many to validate against a schema of {nodes} subschemas");
            return Err(Violation { pointer: String::new(), reason });
        }
        self.validator.validate(settings).map_err(|error| Violation {
            pointer: clip(&error.instance_path().to_string()),
            reason: clip(&error.to_string()),
        })
    }
}

/// The number of subschemas and patterns that a schema may still have. With references followed, a schema of a few
/// lines can have millions of subschemas, and a recursive one infinitely many.
struct Budget {
    nodes: usize,
    patterns: usize,
}

impl Budget {
    /// Follows every reference and counts subschemas and patterns.
    fn spend(&mut self, root: &Value, node: &Value, depth: usize) -> Result<(), String> {
        let too_large = "recursive, or too large once its references are followed (`HostLimits::schema_nodes`)";
        self.nodes = self.nodes.checked_sub(1).ok_or(too_large)?;
        if depth > MAX_DEPTH {
            return Err(too_large.to_owned());
        }
        match node {
            Value::Object(object) => {
                for (key, value) in object {
                    self.spend_keyword(key, value)?;
                    match (key.as_str(), value) {
                        ("$ref", Value::String(target)) => self.spend(root, referred(root, target)?, depth + 1)?,
                        ("$dynamicRef" | "$recursiveRef", _) => return Err(format!("`{key}` is not supported")),
                        ("$id", _) if depth > 0 => return Err("`$id` inside a schema is not supported".to_owned()),
                        _ => self.spend(root, value, depth + 1)?,
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    self.spend(root, value, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn spend_keyword(&mut self, key: &str, value: &Value) -> Result<(), String> {
        let patterns = match (key, value) {
            ("pattern", _) => 1,
            ("patternProperties", Value::Object(patterns)) => patterns.len(),
            _ => 0,
        };
        let too_many = "too many patterns (`HostLimits::schema_patterns`)";
        self.patterns = self.patterns.checked_sub(patterns).ok_or(too_many)?;
        Ok(())
    }
}

/// The target of a reference. Escapes are rejected, so that a reference has only one meaning.
fn referred<'a>(root: &'a Value, target: &str) -> Result<&'a Value, String> {
    if target.contains('%') {
        return Err(format!("`$ref` to `{}`: escapes with `%` are not supported", clip(target)));
    }
    let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    found.ok_or_else(|| format!("`$ref` to `{}`, which is not in the schema", clip(target)))
}

/// The number of values in a document.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(count).sum::<usize>().saturating_add(1),
        Value::Object(object) => object.values().map(count).sum::<usize>().saturating_add(1),
        _ => 1,
    }
}
