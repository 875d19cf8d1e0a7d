//! Values of TOML as JSON.

use guardhouse::Json;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use crate::policy::document::Node;
use crate::policy::findings::{Findings, Place};

/// A value as a JSON document. The rules of strict JSON hold for it as for the text of one.
pub(super) fn json(node: &Node<'_>, findings: &mut Findings<'_>) -> Option<Json> {
    let value = convert(node.value, &node.place, findings)?;
    let document = Json::from_slice(value.to_string().as_bytes());
    document.inspect_err(|error| findings.error(&node.place, error.to_string())).ok()
}

fn convert(value: &DeValue<'_>, place: &Place, findings: &mut Findings<'_>) -> Option<Value> {
    const NO_NUMBER: &str = "it is a number that JSON does not have, or not exactly";
    let scalar = match value {
        DeValue::Array(items) => {
            let item = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
                convert(item.get_ref(), &place.item(index, item.span().start), findings)
            };
            // All are converted, also behind an error.
            let items: Vec<Option<Value>> = items.iter().enumerate().map(item).collect();
            return items.into_iter().collect::<Option<_>>().map(Value::Array);
        }
        DeValue::Table(table) => {
            let mut members = Map::new();
            let mut is_valid = true;
            for (name, value) in table {
                match convert(value.get_ref(), &place.member(name.get_ref(), value.span().start), findings) {
                    Some(value) => drop(members.insert(name.get_ref().to_string(), value)),
                    None => is_valid = false,
                }
            }
            return is_valid.then_some(Value::Object(members));
        }
        DeValue::String(text) => Ok(Value::from(&**text)),
        DeValue::Boolean(value) => Ok(Value::from(*value)),
        DeValue::Integer(integer) => self::integer(integer).map(Value::Number).ok_or(NO_NUMBER),
        DeValue::Float(float) => {
            float.as_str().parse().ok().and_then(Number::from_f64).map(Value::Number).ok_or(NO_NUMBER)
        }
        DeValue::Datetime(_) => Err("it is a date or time, which JSON does not have: write it in quotes"),
    };
    scalar.inspect_err(|message| findings.error(place, *message)).ok()
}

fn integer(integer: &DeInteger<'_>) -> Option<Number> {
    let (text, radix) = (integer.as_str(), integer.radix());
    let signed = i64::from_str_radix(text, radix).map(Number::from);
    signed.or_else(|_| u64::from_str_radix(text, radix).map(Number::from)).ok()
}
