//! Structs of protobuf as JSON.

use serde_json::{Map, Number, Value};

use super::wire::{self, Kind};

/// From this number on, a double does not tell whole numbers apart: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// A struct as an object; none if one of its numbers has no form in JSON, or may stand for several.
pub(super) fn object(value: &wire::Struct) -> Option<Value> {
    let member = |(name, value): (&String, &wire::Value)| Some((name.clone(), self::value(value)?));
    value.fields.iter().map(member).collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn value(value: &wire::Value) -> Option<Value> {
    Some(match &value.kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::Number(number)) => Value::Number(self::number(*number)?),
        Some(Kind::String(text)) => text.clone().into(),
        Some(Kind::Bool(flag)) => (*flag).into(),
        Some(Kind::Struct(value)) => object(value)?,
        Some(Kind::List(list)) => list.values.iter().map(self::value).collect::<Option<Vec<_>>>()?.into(),
    })
}

fn number(number: f64) -> Option<Number> {
    if number.fract() != 0.0 {
        return Number::from_f64(number);
    }
    // Not `from_f64`: a check would read 5.0 where the filter wrote 5.
    (number.abs() < FIRST_INEXACT).then(|| format!("{number:.0}").parse::<i64>().ok().map(Number::from))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_keeps_its_value_or_has_no_form() {
        for (number, expected) in
            [(5.0, json!(5)), (-0.0, json!(0)), (-7.0, json!(-7)), (0.5, json!(0.5)), (1e-7, json!(1e-7))]
        {
            assert_eq!(super::number(number).map(Value::Number), Some(expected), "{number}");
        }
        let last = FIRST_INEXACT - 1.0;
        assert_eq!(super::number(last).map(Value::Number), Some(json!(9_007_199_254_740_991_i64)));
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, FIRST_INEXACT, -FIRST_INEXACT, 1e300] {
            assert_eq!(super::number(number), None, "{number}");
        }
    }

    #[test]
    fn a_struct_is_an_object() {
        let of = |kind| wire::Value { kind: Some(kind) };
        let list =
            wire::ListValue { values: vec![of(Kind::Bool(true)), of(Kind::Null(0)), wire::Value { kind: None }] };
        let inner = wire::Struct { fields: [("é".to_owned(), of(Kind::String("a".to_owned())))].into() };
        let fields = [("list".to_owned(), of(Kind::List(list))), ("inner".to_owned(), of(Kind::Struct(inner)))];
        let value = wire::Struct { fields: fields.into() };
        assert_eq!(object(&value), Some(json!({ "list": [true, null, null], "inner": { "é": "a" } })));
        let inexact = wire::Struct { fields: [("n".to_owned(), of(Kind::Number(f64::NAN)))].into() };
        let outer = wire::Struct { fields: [("inner".to_owned(), of(Kind::Struct(inexact)))].into() };
        assert_eq!(object(&outer), None);
    }
}
