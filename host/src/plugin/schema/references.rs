//! References: a schema refers to nothing outside itself, and is not recursive.

use serde_json::Value;

use crate::limits::HostLimits;
use crate::util::text::clip;

/// The maximum nesting of subschemas, with every reference followed.
const MAX_DEPTH: usize = 200;

/// Follows every reference of a schema. Returns the number of its subschemas. The error says which rule it breaks.
pub(super) fn count_subschemas(document: &Value, limits: &HostLimits) -> Result<usize, String> {
    let mut left = Budget { nodes: limits.schema_nodes, patterns: limits.schema_patterns };
    left.spend(document, document, 0)?;
    Ok(limits.schema_nodes - left.nodes)
}

/// The target of a reference. Escapes are rejected, so that a reference has only one meaning.
pub(super) fn referred<'a>(root: &'a Value, target: &str) -> Result<&'a Value, String> {
    if target.contains('%') {
        return Err(format!("`$ref` to `{}`: escapes with `%` are not supported", clip(target)));
    }
    let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    found.ok_or_else(|| format!("`$ref` to `{}`, which is not in the schema", clip(target)))
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
