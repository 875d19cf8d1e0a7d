//! The settings of a check: from `policy.toml`, from a file, and with data files as members.

use guardhouse::Json;
use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::Reader;
use crate::policy::bounds;
use crate::policy::document::{Node, Table};
use crate::policy::findings::Place;
use crate::problem::clip;

impl Reader<'_, '_> {
    /// The settings, with the data files. The outer result is none after an error.
    #[expect(clippy::option_option, reason = "an error is not the same as no settings")]
    pub(super) fn settings(&mut self, table: &Table<'_>, limit: usize) -> Option<Option<Json>> {
        let written = table.get("settings").map(|node| self.value(&node));
        let file = table.get("settings-file").map(|node| self.document(&node, limit));
        if let (Some(_), Some(node)) = (&written, table.get("settings-file")) {
            let help = "keep one of the two; `data` adds members from files to `settings`";
            self.findings.error_with_help(&node.place, "the check has `settings` and `settings-file`", help);
            return None;
        }
        let settings = match (written, file) {
            (Some(settings), _) => Some(Json::from(settings?)),
            (None, Some(settings)) => Some(settings?),
            (None, None) => None,
        };
        let settings = match table.get("data") {
            Some(node) => Some(self.with_data(settings, &node, limit)?),
            None => settings,
        };
        let size = settings.as_ref().map_or(0, |settings| settings.to_string().len());
        if size > limit {
            let message = format!("the settings have {size} bytes, over the limit of {limit} bytes");
            self.findings.error_with_help(&table.place, message, "raise the limit `settings-bytes` of this check");
            return None;
        }
        Some(settings)
    }

    /// The settings with the data files as members.
    fn with_data(&mut self, settings: Option<Json>, node: &Node<'_>, limit: usize) -> Option<Json> {
        let table = node.open_table(self.findings)?;
        let files = table.members();
        if files.len() > bounds::DATA_FILES {
            let message = format!("the check has {} data files, and may have {}", files.len(), bounds::DATA_FILES);
            self.findings.error(&table.place, message);
            return None;
        }
        let mut members = match settings.as_deref() {
            None => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(_) => {
                let message = "the settings are not a table, so that data files cannot be members of them";
                self.findings.error(&table.place, message);
                return None;
            }
        };
        let mut is_valid = true;
        for (name, place, node) in files {
            let Some(document) = self.document(&node, limit) else {
                is_valid = false;
                continue;
            };
            if members.insert(name.to_owned(), Value::clone(&document)).is_some() {
                let message = format!("the settings have a member `{}` already", clip(name));
                self.findings.error_with_help(&place, message, "give the data file another name");
                is_valid = false;
            }
        }
        is_valid.then(|| Json::from(Value::Object(members)))
    }

    /// The JSON document in a file of the folder.
    fn document(&mut self, node: &Node<'_>, limit: usize) -> Option<Json> {
        let path = node.text(self.findings)?;
        let bytes = self.file(path, &node.place, "json")?.clone();
        let path = clip(path);
        if bytes.len() > limit {
            let message = format!("the file `{path}` has {} bytes, over the limit of {limit} bytes", bytes.len());
            self.findings.error_with_help(&node.place, message, "raise the limit `settings-bytes` of this check");
            return None;
        }
        let Some(left) = self.left.data_bytes.checked_sub(bytes.len()) else {
            let message = format!("the data files of all checks have more than {} bytes", bounds::ALL_DATA_BYTES);
            self.findings.error(&node.place, message);
            return None;
        };
        self.left.data_bytes = left;
        let document = Json::from_slice(&bytes);
        document.inspect_err(|error| self.findings.error(&node.place, format!("in the file `{path}`: {error}"))).ok()
    }

    /// A value of `policy.toml` as JSON.
    fn value(&mut self, node: &Node<'_>) -> Option<Value> {
        let value = self.json(node.value, &node.place)?;
        // The rules of strict JSON for numbers hold for all settings, wherever they stand.
        let document = Json::from_slice(value.to_string().as_bytes());
        document.inspect_err(|error| self.findings.error(&node.place, error.to_string())).ok()?;
        Some(value)
    }

    fn json(&mut self, value: &DeValue<'_>, place: &Place) -> Option<Value> {
        let number = |number: Option<Number>| {
            number.map(Value::Number).ok_or("it is a number that JSON does not have, or not exactly")
        };
        let scalar = match value {
            DeValue::Array(items) => {
                let item = |(index, item): (usize, &toml::Spanned<DeValue<'_>>)| {
                    self.json(item.get_ref(), &place.item(index, item.span().start))
                };
                let items: Vec<Option<Value>> = items.iter().enumerate().map(item).collect();
                return items.into_iter().collect::<Option<_>>().map(Value::Array);
            }
            DeValue::Table(table) => {
                let mut members = Map::new();
                let mut is_valid = true;
                for (name, value) in table {
                    match self.json(value.get_ref(), &place.member(name.get_ref(), value.span().start)) {
                        Some(value) => drop(members.insert(name.get_ref().to_string(), value)),
                        None => is_valid = false,
                    }
                }
                return is_valid.then_some(Value::Object(members));
            }
            DeValue::String(text) => Ok(Value::from(&**text)),
            DeValue::Boolean(value) => Ok(Value::from(*value)),
            DeValue::Integer(integer) => {
                let (text, radix) = (integer.as_str(), integer.radix());
                let unsigned = || u64::from_str_radix(text, radix).map(Number::from);
                number(i64::from_str_radix(text, radix).map(Number::from).or_else(|_| unsigned()).ok())
            }
            DeValue::Float(float) => number(float.as_str().parse().ok().and_then(Number::from_f64)),
            DeValue::Datetime(_) => Err("it is a date or time, which JSON does not have: write it in quotes"),
        };
        scalar.inspect_err(|message| self.findings.error(place, *message)).ok()
    }
}
