//! Tables whose keys are the fields of a type, with hyphens in place of underscores.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::policy::document::Node;
use crate::policy::findings::Findings;

/// The names of the fields of `T` in a file, each with the field.
pub(crate) fn field_names<T: Default + Serialize>() -> Vec<(String, String)> {
    let fields = match serde_json::to_value(T::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.into_iter().map(|(field, _)| (field.replace('_', "-"), field)).collect()
}

/// The members of a table by the fields of `T`, as they stand in JSON. `check` may reject a value that the field takes,
/// or replace it. A member with an error is left out; `what` is the word for a member.
pub(crate) fn read_fields<T: Default + Serialize + DeserializeOwned>(
    node: &Node<'_>,
    what: &str,
    check: impl Fn(Value) -> Result<Value, String>,
    findings: &mut Findings<'_>,
) -> Option<Map<String, Value>> {
    let table = node.open_table(findings)?;
    let known = field_names::<T>();
    let mut fields = Map::new();
    for (name, place, node) in table.members() {
        let Some((_, field)) = known.iter().find(|(known, _)| known == name) else {
            findings.unknown(&place, what, name, known.iter().map(|(name, _)| &**name));
            continue;
        };
        let value = check(scalar(&node)).and_then(|value| {
            let read = serde_json::from_value::<T>(json!({ (field): value.clone() }));
            read.map(|_| value).map_err(|error| error.to_string())
        });
        match value {
            Ok(value) => drop(fields.insert(field.clone(), value)),
            Err(message) => findings.error(&node.place, message),
        }
    }
    Some(fields)
}

/// A text or a whole number. Anything else becomes a value that no field takes.
fn scalar(node: &Node<'_>) -> Value {
    match node.value {
        DeValue::String(text) => Value::from(&**text),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).map_or(json!(-1), Value::from),
        _ => json!([]),
    }
}
