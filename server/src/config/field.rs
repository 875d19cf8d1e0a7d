//! The values of single keys, within their ranges.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guardhouse::units::{format_duration, format_size, parse_duration, parse_size};
use toml::de::DeValue;

use crate::policy::document::{Node, Table};
use crate::policy::findings::Findings;

/// The keys of one table, which leave what they do not find as it is.
pub(super) struct Fields<'a, 'f, 't> {
    pub(super) table: Table<'a>,
    pub(super) findings: &'f mut Findings<'t>,
}

impl<'a> Fields<'a, '_, '_> {
    /// A duration such as `10s`.
    pub(super) fn duration(&mut self, name: &str, range: RangeInclusive<Duration>, into: &mut Duration) {
        let parse = |text: &str| parse_duration(text).map_err(|error| error.to_string());
        if let Some(value) = self.text_in(name, &range, parse, format_duration) {
            *into = value;
        }
    }

    /// A size such as `16KiB`.
    pub(super) fn size(&mut self, name: &str, range: RangeInclusive<usize>, into: &mut usize) {
        let parse = |text: &str| {
            let bytes = parse_size(text).map_err(|error| error.to_string())?;
            usize::try_from(bytes).map_err(|error| error.to_string())
        };
        let format = |bytes| format_size(u64::try_from(bytes).unwrap_or(u64::MAX));
        if let Some(value) = self.text_in(name, &range, parse, format) {
            *into = value;
        }
    }

    /// A whole number.
    pub(super) fn count(&mut self, name: &str, range: RangeInclusive<usize>, into: &mut usize) {
        let Some(node) = self.table.get(name) else { return };
        let DeValue::Integer(number) = node.value else { return node.wrong_type("a whole number", self.findings) };
        let number = usize::from_str_radix(number.as_str(), number.radix()).ok();
        match number.filter(|number| range.contains(number)) {
            Some(number) => *into = number,
            None => self.out_of_range(&node, range.start(), range.end()),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str, into: &mut bool) {
        let Some(node) = self.table.get(name) else { return };
        match node.value.as_bool() {
            Some(value) => *into = value,
            None => node.wrong_type("`true` or `false`", self.findings),
        }
    }

    /// A text, with its place.
    pub(super) fn text(&mut self, name: &str) -> Option<(&'a str, Node<'a>)> {
        let node = self.table.get(name)?;
        Some((node.text(self.findings)?, node))
    }

    /// A path, relative to a folder.
    pub(super) fn path(&mut self, name: &str, folder: &Path) -> Option<PathBuf> {
        let (text, node) = self.text(name)?;
        if text.is_empty() || text.contains('\0') {
            self.findings.error(&node.place, "it is not a path");
            return None;
        }
        Some(folder.join(text))
    }

    /// The words of a list, each with its place; an empty list is an error.
    pub(super) fn words(&mut self, name: &str) -> Option<Vec<(&'a str, Node<'a>)>> {
        let node = self.table.get(name)?;
        let items = node.items(self.findings)?;
        if items.is_empty() {
            self.findings.error(&node.place, "the list is empty");
            return None;
        }
        items.into_iter().map(|item| Some((item.text(self.findings)?, item))).collect()
    }

    /// Adds the error of a key that must be there.
    pub(super) fn missing(&mut self, name: &str, help: &str) {
        self.findings.error_with_help(&self.table.place, format!("`{name}` is missing"), help);
    }

    fn text_in<T: PartialOrd + Copy>(
        &mut self,
        name: &str,
        range: &RangeInclusive<T>,
        parse: impl FnOnce(&str) -> Result<T, String>,
        format: impl Fn(T) -> String,
    ) -> Option<T> {
        let (text, node) = self.text(name)?;
        match parse(text) {
            Ok(value) if range.contains(&value) => Some(value),
            Ok(_) => {
                self.out_of_range(&node, &format(*range.start()), &format(*range.end()));
                None
            }
            Err(message) => {
                self.findings.error(&node.place, message);
                None
            }
        }
    }

    fn out_of_range(&mut self, node: &Node<'_>, least: &dyn Display, most: &dyn Display) {
        self.findings.error(&node.place, format!("the value must be from `{least}` to `{most}`"));
    }
}
