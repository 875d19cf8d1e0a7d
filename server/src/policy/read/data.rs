//! The settings of a check: from `policy.toml`, from a file, and with data files as members.

use guardhouse::Json;
use serde_json::{Map, Value};

use super::Reader;
use crate::policy::bounds;
use crate::policy::document::{Node, Table};
use crate::policy::json::json;
use crate::problem::clip;

impl Reader<'_, '_> {
    /// The settings, with the data files. The outer result is none after an error.
    #[expect(clippy::option_option, reason = "an error is not the same as no settings")]
    pub(super) fn settings(&mut self, table: &Table<'_>, limit: usize) -> Option<Option<Json>> {
        let written = table.get("settings").map(|node| json(&node, self.findings));
        let file = table.get("settings-file").map(|node| self.document(&node, limit));
        if let (Some(_), Some(node)) = (&written, table.get("settings-file")) {
            let help = "keep one of the two; `data` adds members from files to `settings`";
            self.findings.error_with_help(&node.place, "the check has `settings` and `settings-file`", help);
            return None;
        }
        let settings = match (written, file) {
            (Some(settings), _) => Some(settings?),
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
}
