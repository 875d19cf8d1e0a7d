//! Simple schemas, which the host evaluates itself: validating small settings takes a few milliseconds at most. All
//! others are evaluated by the validator, with the same library. Most schemas of checks are simple, so most hosts need
//! no validator.

use jsonschema::Validator;
use serde_json::Value;

use crate::error::Violation;
use crate::plugin::schema::references::referred;
use crate::util::text::clip;

/// The maximum number of subschemas.
const MAX_NODES: usize = 1_000;
/// The maximum nesting of alternatives: each level evaluates those inside it once more.
const MAX_ALTERNATIVES: usize = 3;
/// The maximum product of the number of subschemas and the bytes of the settings: every subschema may be applied to
/// every value, and every byte of a text may be looked at.
const MAX_STEPS: usize = 100_000;

/// A schema in which each subschema is evaluated a few times for each value, and takes time in proportion to the value.
pub(super) struct Simple {
    validator: Validator,
    nodes: usize,
}

impl Simple {
    /// Compiles a schema of this number of subschemas, or returns `None` if it is not simple. References are not
    /// recursive. The error says why the schema is invalid.
    pub(super) fn new(document: &Value, nodes: usize) -> Result<Option<Self>, String> {
        if nodes > MAX_NODES || !is_simple(document, document, 0) {
            return Ok(None);
        }
        let validator = jsonschema::draft202012::new(document).map_err(|error| clip(&error.to_string()))?;
        Ok(Some(Self { validator, nodes }))
    }

    /// Whether settings with this text are small enough.
    pub(super) fn can_validate(&self, text: &str) -> bool {
        self.nodes.saturating_mul(text.len()) <= MAX_STEPS
    }

    /// The first violation.
    pub(super) fn validate(&self, settings: &Value) -> Result<(), Violation> {
        self.validator.validate(settings).map_err(|error| Violation {
            pointer: clip(&error.instance_path().to_string()),
            reason: clip(&error.to_string()),
        })
    }
}

fn is_simple(root: &Value, schema: &Value, alternatives: usize) -> bool {
    let Value::Object(keywords) = schema else { return schema.is_boolean() };
    let is_each = |schema: &Value| is_simple(root, schema, alternatives);
    keywords.iter().all(|(keyword, value)| match (keyword.as_str(), value) {
        (
            "$schema" | "$id" | "$comment" | "title" | "description" | "default" | "examples" | "deprecated"
            | "readOnly" | "writeOnly" | "type" | "enum" | "const" | "required" | "minimum" | "maximum"
            | "exclusiveMinimum" | "exclusiveMaximum" | "minLength" | "maxLength" | "minItems" | "maxItems"
            | "minProperties" | "maxProperties",
            _,
        ) => true,
        ("items" | "additionalProperties", schema) => is_simple(root, schema, alternatives),
        ("properties" | "$defs", Value::Object(schemas)) => schemas.values().all(is_each),
        ("prefixItems" | "allOf", Value::Array(schemas)) => schemas.iter().all(is_each),
        ("anyOf" | "oneOf", Value::Array(schemas)) => {
            alternatives < MAX_ALTERNATIVES && schemas.iter().all(|schema| is_simple(root, schema, alternatives + 1))
        }
        ("$ref", Value::String(target)) => {
            referred(root, target).is_ok_and(|target| is_simple(root, target, alternatives))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_of_structs_and_lists_are_simple() {
        let schema = json!({
            "$defs": { "limit": { "type": "integer", "minimum": 1 } },
            "properties": {
                "scopes": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                "most": { "anyOf": [{ "$ref": "#/$defs/limit" }, { "type": "null" }], "default": null },
            },
            "required": ["scopes"],
            "additionalProperties": false,
        });
        let simple = Simple::new(&schema, 40).unwrap().unwrap();
        assert_eq!(simple.validate(&json!({ "scopes": ["read"], "most": 3 })), Ok(()));
        let violation = simple.validate(&json!({ "scopes": ["read"], "most": 0 })).unwrap_err();
        assert_eq!(violation.pointer, "/most");
        assert!(simple.can_validate(&"x".repeat(2_500)) && !simple.can_validate(&"x".repeat(2_501)));
    }

    #[test]
    fn costly_keywords_are_not_simple_wherever_they_are() {
        let costly = [
            json!({ "pattern": "a" }),
            json!({ "unevaluatedProperties": false }),
            json!({ "uniqueItems": true }),
            json!({ "contains": true }),
            json!({ "not": {} }),
            json!({ "an-unknown-keyword": 1 }),
            json!({ "anyOf": [{ "oneOf": [{ "anyOf": [{ "anyOf": [true] }] }] }] }),
        ];
        for schema in costly {
            for around in [
                schema.clone(),
                json!({ "items": schema }),
                json!({ "properties": { "title": schema } }),
                json!({ "allOf": [{}, { "additionalProperties": schema }] }),
                json!({ "$ref": "#/default", "default": schema }),
            ] {
                assert!(Simple::new(&around, 40).unwrap().is_none(), "{around}");
            }
        }
        assert!(Simple::new(&json!({}), MAX_NODES + 1).unwrap().is_none());
    }
}
