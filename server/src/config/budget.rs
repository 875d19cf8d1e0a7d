//! The table `budget` of a tenant: the fields of [`TenantBudget`], with hyphens.

use guardhouse::TenantBudget;
use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::policy::document::Node;
use crate::policy::findings::Findings;

/// Reads a budget. What the table does not name stays as it is; `none` stands for no bound.
pub(super) fn read_budget(node: &Node<'_>, budget: &mut TenantBudget, findings: &mut Findings<'_>) {
    let Some(table) = node.open_table(findings) else { return };
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&*budget) else { return };
    let known = budget_names();
    for (name, place, node) in table.members() {
        let Some((_, field)) = known.iter().find(|(known, _)| known == name) else {
            findings.unknown(&place, "the bound", name, known.iter().map(|(name, _)| &**name));
            continue;
        };
        match bound(field, &node) {
            Ok(value) => drop(fields.insert(field.clone(), value)),
            Err(message) => findings.error(&node.place, message),
        }
    }
    // Each value was read alone, so that all of them can be read together.
    if let Ok(read) = serde_json::from_value(Value::Object(fields)) {
        *budget = read;
    }
}

/// The names of the bounds in the file, with those of their fields.
pub(super) fn budget_names() -> Vec<(String, String)> {
    let fields = match serde_json::to_value(TenantBudget::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.into_iter().map(|(field, _)| (field.replace('_', "-"), field)).collect()
}

fn bound(field: &str, node: &Node<'_>) -> Result<Value, String> {
    let value = match node.value {
        DeValue::String(text) if text == "none" => Value::Null,
        DeValue::String(text) => Value::from(&**text),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).map_or(json!(-1), Value::from),
        _ => json!([]),
    };
    let only = serde_json::from_value::<TenantBudget>(json!({ (field): value }));
    only.map(|_| value).map_err(|error| error.to_string())
}
