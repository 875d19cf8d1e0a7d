//! Reads single strings of TOML files.

use anyhow::{Context, Result, anyhow};
use toml::{Table, Value};

/// The string `key` of a table, for example `name` of `package`. The name of a table in a table has a dot.
pub(super) fn string(text: &str, table: &str, key: &str) -> Result<String> {
    let document = parse(text)?;
    let value = value(&document, table, key).with_context(|| format!("it has no `{key}` under `[{table}]`"))?;
    Ok(value.as_str().with_context(|| format!("its `{key}` under `[{table}]` is not a string"))?.to_owned())
}

/// Whether a table has `key`. A text that is not TOML has none.
pub(super) fn has(text: &str, table: &str, key: &str) -> bool {
    parse(text).is_ok_and(|document| value(&document, table, key).is_some())
}

/// Whether the document has the table.
pub(super) fn has_table(text: &str, table: &str) -> bool {
    parse(text).is_ok_and(|document| find(&document, table).is_some())
}

fn parse(text: &str) -> Result<Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        let message = error.message().replace('\n', ", ");
        anyhow!("it is not valid TOML, at line {line} column {column}: {message}")
    })
}

fn value<'a>(document: &'a Table, table: &str, key: &str) -> Option<&'a Value> {
    find(document, table)?.get(key)
}

fn find<'a>(document: &'a Table, table: &str) -> Option<&'a Table> {
    table.split('.').try_fold(document, |table, name| table.get(name)?.as_table())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_from_its_own_table() {
        for text in [
            "[package]\nname = \"my-check\"\n",
            "[package]\nname = \"my-check\" # the name\n",
            "[package]\nname='my-check'\n",
            "[package]\nname = \"\"\"\nmy-check\"\"\"\n",
            "[package]\n\"name\" = \"my\\u002dcheck\"\n",
            "package.name = \"my-check\"\n",
            "package = { version = \"1.0.0\", name = \"my-check\" }\n",
            "[lib]\nname = \"other\"\n[package]\nname = \"my-check\"\n",
            "[package]\ndescription = \"\"\"\n[lib]\nname = \"other\"\n\"\"\"\nname = \"my-check\"\n",
            "[workspace.package]\nname = \"other\"\n\n[ package ] # ours\nname='my-check' # \"comment\"\n",
            "[[bin]]\nname = \"tool\"\n[package]\n  description = \"name = x\"\n  name=\"my-check\"\n",
        ] {
            assert_eq!(string(text, "package", "name").unwrap(), "my-check", "{text}");
        }
        assert_eq!(string("[tool.guardhouse]\nsdk = '../sdk'\n", "tool.guardhouse", "sdk").unwrap(), "../sdk");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in ["", "name = \"a\"\n", "[package.metadata]\nname = \"a\"\n", "[package]\nnames = \"a\"\n"] {
            let error = string(text, "package", "name").unwrap_err().to_string();
            assert_eq!(error, "it has no `name` under `[package]`", "{text}");
        }
        let error = string("[package]\nname = 1\n", "package", "name").unwrap_err().to_string();
        assert_eq!(error, "its `name` under `[package]` is not a string");
        for (text, place) in [
            ("[package]\nname = \"a\n", "line 2 column 10"),
            ("[package]\nname = \"a\"\nname = \"b\"\n", "line 3 column 1"),
            ("package\n", "line 1 column 8"),
        ] {
            let error = string(text, "package", "name").unwrap_err().to_string();
            assert!(error.starts_with(&format!("it is not valid TOML, at {place}: ")), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
