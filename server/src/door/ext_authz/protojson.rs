//! Messages of protobuf in JSON (ProtoJSON): the types that Envoy's questions have.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::wire::{self, Kind};

/// A field of another type than its message has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct FieldError {
    /// The field, with the messages around it: `attributes.request.http`.
    pub field: String,
    /// The reason.
    pub reason: String,
}

/// A message, whose fields are read one by one.
pub(super) struct Message<'d> {
    members: &'d Map<String, Value>,
    /// The field that has the message; empty for the whole document.
    field: String,
    /// The names of the fields that were read.
    read: Vec<&'static str>,
    left_out: &'d mut Vec<String>,
}

impl<'d> Message<'d> {
    /// The message in a field. Its unknown fields are added to `left_out`.
    pub(super) fn new(value: &'d Value, field: String, left_out: &'d mut Vec<String>) -> Result<Self, FieldError> {
        match value {
            Value::Object(members) => Ok(Self { members, field, read: Vec::new(), left_out }),
            _ => Err(error(&field, "it is not an object")),
        }
    }

    /// Notes the fields that were not read, and are not among those that nothing is made of.
    pub(super) fn finish(self, unused: &[&str]) {
        let is_known =
            |name: &str| self.read.iter().chain(unused).any(|known| *known == name || camel_case(known) == name);
        let unknown = self.members.keys().filter(|name| !is_known(name)).map(|name| inside(&self.field, name));
        self.left_out.extend(unknown);
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<String, FieldError> {
        self.field(name)?.map_or(Ok(String::new()), |(value, field)| text(value, &field))
    }

    pub(super) fn bytes(&mut self, name: &'static str) -> Result<Vec<u8>, FieldError> {
        let Some((value, field)) = self.field(name)? else { return Ok(Vec::new()) };
        // Both alphabets, with padding or without, as the readers of protobuf take them.
        let text = text(value, &field)?.replace('-', "+").replace('_', "/");
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(&STANDARD, config).decode(text).map_err(|_| error(&field, "it is not base64"))
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<u32, FieldError> {
        let Some((value, field)) = self.field(name)? else { return Ok(0) };
        let number = match value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| error(&field, "it is not a number from 0 to 4294967295"))
    }

    pub(super) fn texts(&mut self, name: &'static str) -> Result<BTreeMap<String, String>, FieldError> {
        self.map(name, text)
    }

    pub(super) fn structs(&mut self, name: &'static str) -> Result<BTreeMap<String, wire::Struct>, FieldError> {
        self.map(name, |value, field| Ok(structure(object(value, field)?)))
    }

    pub(super) fn message<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(Message<'_>) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        let Some((value, field)) = self.field(name)? else { return Ok(None) };
        read(Message::new(value, field, self.left_out)?).map(Some)
    }

    pub(super) fn messages<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(Message<'_>) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let Some((value, field)) = self.field(name)? else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(error(&field, "it is not a list")) };
        let mut messages = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            messages.push(read(Message::new(item, format!("{field}[{index}]"), self.left_out)?)?);
        }
        Ok(messages)
    }

    fn map<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Value, &str) -> Result<T, FieldError>,
    ) -> Result<BTreeMap<String, T>, FieldError> {
        let Some((value, field)) = self.field(name)? else { return Ok(BTreeMap::new()) };
        let member = |(name, value): (&String, &Value)| Ok((name.clone(), read(value, &inside(&field, name))?));
        object(value, &field)?.iter().map(member).collect()
    }

    /// The value of a field, with the field for errors. Null is not a value.
    fn field(&mut self, name: &'static str) -> Result<Option<(&'d Value, String)>, FieldError> {
        self.read.push(name);
        let (field, camel) = (inside(&self.field, name), camel_case(name));
        let value = match (self.members.get(name), self.members.get(&camel).filter(|_| camel != name)) {
            (Some(_), Some(_)) => {
                return Err(error(&field, &format!("it is there twice, as `{name}` and as `{camel}`")));
            }
            (value, None) | (None, value) => value,
        };
        Ok(value.filter(|value| !value.is_null()).map(|value| (value, field)))
    }
}

fn error(field: &str, reason: &str) -> FieldError {
    let field = if field.is_empty() { "." } else { field };
    FieldError { field: field.to_owned(), reason: reason.to_owned() }
}

fn inside(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

fn text(value: &Value, field: &str) -> Result<String, FieldError> {
    value.as_str().map(ToOwned::to_owned).ok_or_else(|| error(field, "it is not a string"))
}

fn object<'v>(value: &'v Value, field: &str) -> Result<&'v Map<String, Value>, FieldError> {
    value.as_object().ok_or_else(|| error(field, "it is not an object"))
}

/// The other form of a name: `context_extensions` as `contextExtensions`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &initial.into_iter().chain(letters).collect::<String>()
    })
}

/// A struct, as Envoy sends one: its numbers are doubles.
fn structure(members: &Map<String, Value>) -> wire::Struct {
    wire::Struct { fields: members.iter().map(|(name, member)| (name.clone(), self::value(member))).collect() }
}

fn value(value: &Value) -> wire::Value {
    let kind = match value {
        Value::Null => Kind::Null(0),
        Value::Bool(flag) => Kind::Bool(*flag),
        // A number that a double cannot keep has no form in JSON behind the door either.
        Value::Number(number) => Kind::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::String(text.clone()),
        Value::Array(items) => Kind::List(wire::ListValue { values: items.iter().map(self::value).collect() }),
        Value::Object(members) => Kind::Struct(structure(members)),
    };
    wire::Value { kind: Some(kind) }
}
