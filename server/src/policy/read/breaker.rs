//! The table `breaker` of a check: the fields of [`Breaker`], with hyphens.

use guardhouse::Breaker;
use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::Reader;
use crate::policy::document::Node;

/// The keys of the table.
pub(in crate::policy) const BREAKER_KEYS: &[&str] = &["faults", "first-pause", "longest-pause"];

impl Reader<'_, '_> {
    pub(super) fn breaker(&mut self, node: &Node<'_>) -> Option<Breaker> {
        let table = node.table(BREAKER_KEYS, self.findings)?;
        let (mut fields, mut is_valid) = (Map::new(), true);
        for (name, _, node) in table.members() {
            let field = name.replace('-', "_");
            let value = match node.value {
                DeValue::String(text) => Value::from(&**text),
                DeValue::Integer(number) => {
                    u64::from_str_radix(number.as_str(), number.radix()).map_or(json!(-1), Value::from)
                }
                _ => json!([]),
            };
            match serde_json::from_value::<Breaker>(json!({ (field.as_str()): value.clone() })) {
                Ok(_) => drop(fields.insert(field, value)),
                Err(error) => {
                    self.findings.error(&node.place, error.to_string());
                    is_valid = false;
                }
            }
        }
        if is_valid { serde_json::from_value(Value::Object(fields)).ok() } else { None }
    }
}
