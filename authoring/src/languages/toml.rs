//! Reads single strings of TOML files.

use anyhow::{Context, Result};

/// The string `key` of a table, for example `name` of `package`. Both are written without quotes, and the table has a
/// header of its own.
pub(super) fn string(text: &str, table: &str, key: &str) -> Result<String> {
    let value = value(text, table, key).with_context(|| format!("it has no `{key}` under `[{table}]`"))?;
    unquoted(value).with_context(|| format!("its `{key}` under `[{table}]` is not a string"))
}

/// Whether a table has `key`.
pub(super) fn has(text: &str, table: &str, key: &str) -> bool {
    value(text, table, key).is_some()
}

/// The rest of the line after `key` in a table.
fn value<'a>(text: &'a str, table: &str, key: &str) -> Option<&'a str> {
    let mut is_in_table = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            is_in_table = header.split_once(']').is_some_and(|(name, _)| name.trim() == table);
        } else if is_in_table
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim());
        }
    }
    None
}

/// The content of the string that `value` starts with. Strings with escapes are not read.
fn unquoted(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (content, _) = value.strip_prefix(quote)?.split_once(quote)?;
    (quote == '\'' || !content.contains('\\')).then(|| content.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_from_its_own_table() {
        for text in [
            "[package]\nname = \"my-check\"\n",
            "[workspace.package]\nname = \"other\"\n\n[ package ] # ours\nname='my-check' # \"comment\"\n",
            "[[bin]]\nname = \"tool\"\n[package]\n  description = \"name = x\"\n  name=\"my-check\"\n",
        ] {
            assert_eq!(string(text, "package", "name").unwrap(), "my-check", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in ["", "name = \"a\"\n", "[package.metadata]\nname = \"a\"\n", "[package]\nnames = \"a\"\n"] {
            let error = string(text, "package", "name").unwrap_err().to_string();
            assert_eq!(error, "it has no `name` under `[package]`", "{text}");
        }
        for text in ["[package]\nname = 1\n", "[package]\nname = \"a\n", "[package]\nname = \"\\u0061\"\n"] {
            let error = string(text, "package", "name").unwrap_err().to_string();
            assert_eq!(error, "its `name` under `[package]` is not a string", "{text}");
        }
    }
}
