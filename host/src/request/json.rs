//! Strict JSON: a document that a policy decides on must have one meaning only.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::request::encoding::text;
use crate::util::text::clip;

/// An immutable JSON document. A clone is shallow.
///
/// Deserialization is strict, because two readers that disagree about a document are a security hole. It rejects an
/// object with a duplicate name (RFC 7493 section 2.3), and a whole number that cannot be represented exactly: an
/// integer beyond 64 bits, or one from 2^53 on that is written as a fraction or with an exponent.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<Value>);

impl Json {
    /// Reads one document. [`FromStr`] reads it from text.
    ///
    /// # Errors
    /// [`JsonError`] if `document` is not JSON (RFC 8259) in UTF-8, is nested 128 levels deep or more, has a duplicate
    /// name in an object, or a number that cannot be represented exactly. A byte order mark before the document is
    /// ignored.
    pub fn from_slice(document: &[u8]) -> Result<Self, JsonError> {
        read(document)
    }

    /// Reads one document as a value of another type, which decides what it accepts. [`Json`] inside it is as strict as
    /// [`from_slice`](Self::from_slice).
    ///
    /// # Errors
    /// [`JsonError`], with the path of the mistake.
    pub fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, JsonError> {
        read(document)
    }

    /// Whether `text` is a JSON pointer (RFC 6901 section 3).
    pub(crate) fn is_pointer(text: &str) -> bool {
        let is_escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        text.is_empty() || (text.starts_with('/') && is_escaped)
    }

    /// The JSON text of the value under a JSON pointer (RFC 6901); "" is the whole document.
    pub(crate) fn text_at(&self, pointer: &str) -> Option<String> {
        self.0.pointer(pointer).map(Value::to_string)
    }
}

impl Default for Json {
    /// An empty object.
    fn default() -> Self {
        Self::from(Value::Object(Map::new()))
    }
}

/// Reads one document, as [`Json::from_slice`] does.
impl FromStr for Json {
    type Err = JsonError;

    fn from_str(document: &str) -> Result<Self, JsonError> {
        read(document.as_bytes())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict::deserialize(deserializer).map(|strict| Self::from(strict.0))
    }
}

/// The error of reading a JSON document: its place and its reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", location(path))]
pub struct JsonError {
    path: String,
    reason: String,
}

impl JsonError {
    /// The place in the document, for example `token.scopes[1]`; `.` is the whole document.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reason, with line and column.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: clip(&path.into()), reason: clip(&reason.into()) }
    }
}

fn location(path: &str) -> String {
    match path {
        "." | "" => String::new(),
        _ => format!("at `{path}`: "),
    }
}

/// Reads a `T` from a document, before which a byte order mark may stand. An error has the path of the mistake.
pub(crate) fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, JsonError> {
    let text = text(document).map_err(|reason| JsonError::new(".", reason))?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    // Following the path takes as long as reading, so only a document with a mistake is read that way.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| JsonError::new(known(&error.path().to_string()), error.inner().to_string()))?;
    deserializer.end().map_err(|error| JsonError::new(".", error.to_string()))?;
    Ok(value)
}

/// A path without the member whose name was not read yet, which has the name `?`.
fn known(path: &str) -> &str {
    match path.strip_suffix('?') {
        None => path,
        Some("") => ".",
        Some(known) => known.strip_suffix('.').unwrap_or(known),
    }
}

/// Reads a struct from an object only. A derived implementation would accept an array of the fields' values as well.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    // Not `deserialize_map`: its error would repeat a string that stands in the place of the object.
    deserializer.deserialize_any(ObjectVisitor(std::marker::PhantomData))
}

/// Reads a document that must be an object.
pub(crate) fn object_document<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
    object::<Strict, D>(deserializer).map(|strict| Json::from(strict.0))
}

/// Reads a struct from an object, or from null.
pub(crate) fn optional_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<Object<T>>::deserialize(deserializer).map(|found| found.map(|object| object.0))
}

pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

struct ObjectVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// The error does not repeat the string: in the place of the token's object, it may be the bearer secret.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<T, E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(map))
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

/// The first whole number whose floating-point form also represents another whole number: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // A large whole number was rounded before it got here: two different ones would look equal to a check.
        if value.fract() == 0.0 && value.abs() >= FIRST_INEXACT {
            return Err(E::custom("number too large to be kept exactly, write it as a string"));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number that JSON has no form for"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format_args!("duplicate name `{name}`")));
            }
            let Strict(value) = map.next_value()?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}
