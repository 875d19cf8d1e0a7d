//! The faults of `settings.schema.json` that are known without a build. The host finds them too, when it loads the
//! plugin, and all others; but here they have a line, and no compiler was waited for.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::value::RawValue;
use serde_json::{Value, from_str};

use crate::regular_file;

/// The file of a project that describes its settings.
const FILE: &str = "settings.schema.json";

/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Checks the schema of a project's settings, if it has one.
///
/// # Errors
///
/// The file cannot be read, is not JSON, or contains a keyword that a host would reject. The error has the line.
pub(crate) fn verify(folder: &Path) -> Result<()> {
    match regular_file::read_linked_text(&folder.join(FILE), MAX_BYTES) {
        Ok(text) => verify_text(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{FILE}`")),
    }
}

fn verify_text(text: &str) -> Result<()> {
    let document: Value = from_str(text).map_err(|error| {
        let (line, column, text) = (error.line(), error.column(), error.to_string());
        let reason = text.split(" at line ").next().unwrap_or_default();
        anyhow!("{FILE}:{line}:{column}: it is not JSON: {reason}")
    })?;
    let root: &RawValue = from_str(text).with_context(|| format!("cannot read `{FILE}`"))?;
    Walk { text, document: &document }.schema(root, "")
}

/// The words that the keyword `type` may have.
const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// A look at every value of a schema.
struct Walk<'a> {
    text: &'a str,
    document: &'a Value,
}

impl<'a> Walk<'a> {
    fn schema(&self, value: &'a RawValue, pointer: &str) -> Result<()> {
        let Some(keywords) = members(value) else {
            let is_boolean = matches!(value.get(), "true" | "false");
            ensure!(is_boolean, "{} it must be an object, or `true` or `false`", self.place(value, pointer));
            return Ok(());
        };
        for (keyword, value) in &keywords {
            let pointer = &format!("{pointer}/{}", keyword.replace('~', "~0").replace('/', "~1"));
            self.keyword(keyword, value, pointer)
                .map_err(|reason| anyhow!("{} {reason}", self.place(value, pointer)))?;
            match keyword.as_str() {
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    for (name, schema) in members(value).unwrap_or_default() {
                        self.schema(schema, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")))?;
                    }
                }
                "additionalProperties"
                | "propertyNames"
                | "items"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else"
                | "unevaluatedItems"
                | "unevaluatedProperties" => self.schema(value, pointer)?,
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    for (index, schema) in from_str::<Vec<&RawValue>>(value.get())?.into_iter().enumerate() {
                        self.schema(schema, &format!("{pointer}/{index}"))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks the value of one keyword, without the schemas in it.
    fn keyword(&self, keyword: &str, raw: &RawValue, pointer: &str) -> Result<()> {
        let value: Value = from_str(raw.get())?;
        match (keyword, &value) {
            ("$ref", Value::String(target)) => self.reference(target),
            ("$dynamicRef" | "$recursiveRef", _) => bail!("`{keyword}` is not supported; use `$ref`"),
            ("$id", _) if pointer != "/$id" => bail!("`$id` inside a schema is not supported; remove it"),
            ("type", Value::String(word)) => known_type(word),
            ("type", Value::Array(words)) => {
                words.iter().try_for_each(|word| known_type(word.as_str().unwrap_or_default()))
            }
            (_, value) => match expected(keyword) {
                Some((shape, fits)) if !fits(value) => bail!("`{keyword}` must be {shape}"),
                _ => Ok(()),
            },
        }
    }

    fn reference(&self, target: &str) -> Result<()> {
        let Some(pointer) = target.strip_prefix('#') else {
            bail!("`$ref` to `{target}`, which is outside the file; copy it to `$defs`, and refer to `#/$defs/NAME`")
        };
        ensure!(self.document.pointer(pointer).is_some(), "`$ref` to `{target}`, which does not exist in the file");
        Ok(())
    }

    /// The position of a value in the file.
    fn place(&self, value: &RawValue, pointer: &str) -> String {
        let offset = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let at = if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`:") };
        format!("{FILE}:{line}:{column}:{at}")
    }
}

/// The members of an object.
fn members(value: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    from_str(value.get()).ok()
}

fn known_type(word: &str) -> Result<()> {
    ensure!(TYPES.contains(&word), "`{word}` is not a type; use one of {}", TYPES.join(", "));
    Ok(())
}

/// A shape of values in words, and whether a value has it.
type Shape = (&'static str, fn(&Value) -> bool);

/// The shape of the values of a keyword.
fn expected(keyword: &str) -> Option<Shape> {
    Some(match keyword {
        "$ref" | "pattern" => ("a string", Value::is_string),
        "type" => ("a string, or an array of strings", Value::is_string),
        "enum" | "allOf" | "anyOf" | "oneOf" | "prefixItems" => ("an array", Value::is_array),
        "required" => {
            ("an array of strings", |value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string)))
        }
        "properties" | "patternProperties" | "$defs" | "dependentSchemas" | "dependentRequired" => {
            ("an object", Value::is_object)
        }
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            ("a number", Value::is_number)
        }
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            ("a number that is an integer and not negative", |value| {
                value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
            })
        }
        "uniqueItems" => ("`true` or `false`", Value::is_boolean),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_schema_has_its_line_and_a_way_to_mend_it() {
        for (text, expected) in [
            ("{\n  \"type\": \"object\",\n}", "settings.schema.json:3:1: it is not JSON: trailing comma"),
            ("", "settings.schema.json:1:0: it is not JSON: EOF while parsing a value"),
            ("[]", "settings.schema.json:1:1: it must be an object, or `true` or `false`"),
            (
                "{\"properties\": {\n \"type\": {\"type\": \"strng\"}}}",
                "settings.schema.json:2:19: at `/properties/type/type`: `strng` is not a type; use one of array, \
                 boolean, integer, null, number, object, string",
            ),
            ("{\"type\": [\"null\", 1]}", "at `/type`: `` is not a type"),
            ("{\"items\": {\"$ref\": \"other.json\"}}", "which is outside the file; copy it to `$defs`"),
            ("{\"items\": {\"$ref\": \"#/$defs/x\"}}", "`$ref` to `#/$defs/x`, which does not exist in the file"),
            ("{\"$dynamicRef\": \"#a\"}", "`$dynamicRef` is not supported; use `$ref`"),
            ("{\"not\": {\"$id\": \"a\"}}", "at `/not/$id`: `$id` inside a schema is not supported"),
            ("{\"required\": [1]}", "`required` must be an array of strings"),
            ("{\"anyOf\": [true,\n {\"maxItems\": -1}]}", ":2:15: at `/anyOf/1/maxItems`: `maxItems` must be a number"),
            ("{\"properties\": {\"a/b\": 1}}", "at `/properties/a~1b`: it must be an object"),
        ] {
            let error = verify_text(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn data_in_a_schema_is_not_taken_for_keywords() {
        for text in [
            "true",
            "{\"$id\": \"https://a.example/x\", \"properties\": {\"$ref\": {\"type\": [\"null\", \"integer\"]}}}",
            "{\"default\": {\"type\": \"strng\", \"required\": 1}, \"enum\": [{\"$id\": 1}], \"x-own\": {\"type\": 1}}",
            "{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"$ref\": \"#\"}}, \"minLength\": 1.0}",
        ] {
            verify_text(text).unwrap();
        }
    }

    #[test]
    fn a_project_without_a_schema_has_no_fault_and_a_folder_is_not_a_schema() {
        let folder = tempfile::tempdir().unwrap();
        verify(folder.path()).unwrap();
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        let error = format!("{:#}", verify(folder.path()).unwrap_err());
        assert_eq!(error, "cannot read `settings.schema.json`: is not a regular file");
    }
}
