//! The limits of a check, with the names of the command's options: `cpu-time`, `memory`.

use std::time::Duration;

use guardhouse::Limits;
use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::Reader;
use crate::policy::document::Node;
use crate::problem::clip;

/// The limits that must be more than zero: with less, no plugin could answer.
const MORE_THAN_ZERO: &[&str] =
    &["context-bytes", "core-instances", "cpu-time", "deadline", "fuel", "instances", "memory"];

/// The limits of time, which are from [`SHORTEST`] to [`LONGEST`].
const TIMES: &[&str] = &["configure-cpu-time", "configure-deadline", "cpu-time", "deadline"];

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(3_600);

/// The name of a limit in a policy: that of its field with hyphens, and `memory` as on the command line.
fn name_of(field: &str) -> String {
    if field == "memory_bytes" { "memory".to_owned() } else { field.replace('_', "-") }
}

/// The kind of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum LimitKind {
    Time,
    Size,
    Number { least: u8 },
}

/// Every limit, by its name in a policy: its kind, whether it can be `none`, and its default.
pub(in crate::policy) fn limit_kinds() -> Vec<(String, LimitKind, bool, Value)> {
    let kind = |(name, field, default): (String, String, Value)| {
        let kind = match &default {
            Value::String(text) if guardhouse::units::parse_size(text).is_ok() => LimitKind::Size,
            Value::String(_) => LimitKind::Time,
            _ => LimitKind::Number { least: u8::from(MORE_THAN_ZERO.contains(&&*name)) },
        };
        let is_optional = serde_json::from_value::<Limits>(json!({ (field): null })).is_ok();
        (name, kind, is_optional, default)
    };
    all_limits().into_iter().map(kind).collect()
}

/// Every limit, by its name in a policy, with its field and its default.
pub(in crate::policy) fn all_limits() -> Vec<(String, String, Value)> {
    let fields = match serde_json::to_value(Limits::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.into_iter().map(|(field, default)| (name_of(&field), field, default)).collect()
}

impl Reader<'_, '_> {
    pub(super) fn limits(&mut self, node: &Node<'_>) -> Option<Limits> {
        let table = node.open_table(self.findings)?;
        let known = all_limits();
        let mut fields = Map::new();
        let mut is_valid = true;
        for (name, place, node) in table.members() {
            let Some((_, field, default)) = known.iter().find(|(known, ..)| known == name) else {
                self.findings.unknown(&place, "the limit", name, known.iter().map(|(name, ..)| &**name));
                is_valid = false;
                continue;
            };
            match limit_value(name, field, default, &node) {
                Ok(value) => {
                    let alone = serde_json::from_value::<Limits>(json!({ (field): value.clone() }));
                    is_valid &=
                        alone.is_ok_and(|limits| self.caps.check((name, field), &limits, &node.place, self.findings));
                    fields.insert(field.clone(), value);
                }
                Err(message) => {
                    self.findings.error(&node.place, message);
                    is_valid = false;
                }
            }
        }
        // Each value was read alone, so that all of them can be read together.
        let limits = if is_valid { serde_json::from_value(Value::Object(fields)).ok() } else { None };
        limits.map(|limits| self.caps.lower(limits))
    }
}

/// The value of one limit as it stands in JSON. `none` stands for no limit.
pub(in crate::policy) fn limit_value(
    name: &str,
    field: &str,
    default: &Value,
    node: &Node<'_>,
) -> Result<Value, String> {
    let expected = || match default {
        Value::String(example) => format!("write a whole number and a unit, for example `\"{example}\"`"),
        Value::Null if TIMES.contains(&name) => "write a duration, for example `\"50ms\"`".to_owned(),
        _ => "write a whole number, for example `64`".to_owned(),
    };
    let value = match node.value {
        DeValue::String(text) if text == "none" => Value::Null,
        DeValue::String(text) if clip(text).len() == text.len() => Value::from(&**text),
        DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => return Err(expected()),
        },
        _ => return Err(expected()),
    };
    let only = json!({ (field): value });
    let limits: Limits = serde_json::from_value(only).map_err(|error| match (&value, default) {
        // The error of a text with a unit says what is wrong with it.
        (Value::String(_), Value::String(_)) => error.to_string(),
        (Value::Null, _) => "the limit cannot be `none`".to_owned(),
        _ => expected(),
    })?;
    let found = serde_json::to_value(&limits).ok().and_then(|mut limits| limits.get_mut(field).map(Value::take));
    if MORE_THAN_ZERO.contains(&name)
        && found.is_some_and(|found| [json!(0), json!("0B"), json!("0s")].contains(&found))
    {
        return Err("the limit must be more than zero".to_owned());
    }
    let times =
        [Some(limits.deadline), limits.cpu_time, Some(limits.configure_deadline), Some(limits.configure_cpu_time)];
    if !times.into_iter().flatten().all(|time| (SHORTEST..=LONGEST).contains(&time)) {
        return Err("the limit must be from `1ms` to `1h`".to_owned());
    }
    Ok(value)
}
