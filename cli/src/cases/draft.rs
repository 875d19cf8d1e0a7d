//! New cases, as they are written into a file.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::cases::replace::replace;
use crate::cases::value::Value;
use crate::cases::{CaseFile, without_mark};
use crate::text::escaped_json;

/// A new case. Its members are written in this order, and those that are absent are left out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Draft {
    /// The name, which no other case of the file may have.
    pub(crate) name: String,
    /// The settings, if they are not those of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<serde_json::Value>,
    /// The request.
    pub(crate) context: serde_json::Value,
    /// The word of the outcome: one of [`guardhouse::Outcome::kind`], or `deny` for every denial.
    pub(crate) outcome: String,
    /// The message, if the outcome has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing_scopes: Option<Vec<String>>,
    /// The cause of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// The indentation of a case in a file that this program writes.
const INDENT: &str = "    ";

#[cfg_attr(not(test), expect(dead_code, reason = "for the command that writes cases"))]
impl Draft {
    /// The text of the case, with a line for each member. Its lines after the first are indented as in a file.
    pub(crate) fn to_json(&self) -> Result<String> {
        let written = serde_json::to_value(self).context("cannot write the case")?;
        let members = written.as_object().into_iter().flatten();
        let lines: Vec<String> = ORDER
            .iter()
            .filter_map(|name| members.clone().find(|(member, _)| member == name))
            .map(|(name, value)| format!("\n{INDENT}  \"{name}\": {}", escaped_json(&spaced(value))))
            .collect();
        Ok(format!("{{{}\n{INDENT}}}", lines.join(",")))
    }

    /// Adds the case to the end of a file, which stays as it is otherwise. A file that does not exist is made.
    pub(crate) fn append_to(&self, path: &Path) -> Result<()> {
        let case = self.to_json()?;
        if !path.exists() {
            return replace(path, None, format!("{{\n  \"cases\": [\n{INDENT}{case}\n  ]\n}}\n").as_bytes());
        }
        let CaseFile { bytes, cases, .. } = CaseFile::read(path)?;
        ensure!(
            cases.iter().all(|case| case.name != self.name),
            "cannot add a case to `{}`: it has a case with the name `{}`",
            path.display(),
            self.name
        );
        let text = str::from_utf8(without_mark(&bytes)).unwrap_or_default();
        let last = Value::root(text).and_then(|root| root.get("cases")).and_then(|cases| cases.items().last());
        let range = last.context("the place of the last case was not found")?.range();
        // As far to the right as the case before it.
        let line = text.get(..range.start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
        let indent = if line.trim().is_empty() { line } else { INDENT };
        let case = case.replace(&format!("\n{INDENT}"), &format!("\n{indent}"));
        let end = range.end + bytes.len() - text.len();
        let (before, after) = bytes.split_at_checked(end).context("the place of the last case was not found")?;
        replace(path, Some(&bytes), &[before, format!(",\n{indent}{case}").as_bytes(), after].concat())
    }
}

/// The members in the order in which they are written.
const ORDER: [&str; 7] = ["name", "settings", "context", "outcome", "message", "missing_scopes", "cause"];

/// A value on one line, with a blank after each comma and colon.
pub(super) fn spaced(value: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", Json::from(&**name), spaced(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn draft(name: &str) -> Draft {
        Draft {
            name: name.to_owned(),
            settings: None,
            context: json!({ "component": { "kind": "tool", "name": "a\u{202e}" }, "arguments": { "list": [1, 2] } }),
            outcome: "denied-with-message".to_owned(),
            message: Some("no \"x\"\n".to_owned()),
            missing_scopes: Some(vec![]),
            cause: None,
        }
    }

    #[test]
    fn a_case_is_written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.json");
        draft("one").append_to(&path).unwrap();
        draft("two").append_to(&path).unwrap();
        let error = format!("{:#}", draft("two").append_to(&path).unwrap_err());
        assert!(error.ends_with("it has a case with the name `two`"), "{error}");
        let text = fs::read_to_string(&path).unwrap();
        let case = |name: &str| {
            format!(
                "    {{\n      \"name\": \"{name}\",\n      \"context\": {{\"arguments\": {{\"list\": [1, 2]}}, \
                 \"component\": {{\"kind\": \"tool\", \"name\": \"a\\u202e\"}}}},\n      \"outcome\": \
                 \"denied-with-message\",\n      \"message\": \"no \\\"x\\\"\\n\",\n      \"missing_scopes\": []\n    }}"
            )
        };
        assert_eq!(text, format!("{{\n  \"cases\": [\n{},\n{}\n  ]\n}}\n", case("one"), case("two")));
        let file = CaseFile::read(&path).unwrap();
        assert_eq!(file.cases.iter().map(|case| case.line).collect::<Vec<_>>(), [3, 10]);
    }

    #[test]
    fn the_rest_of_the_file_and_its_byte_order_mark_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.json");
        let one = r#"{"name":"é", "outcome":"allow", "context":{"component":{"kind":"tool","name":"t"}}}"#;
        let before = format!("\u{feff}{{\"cases\":\r\n  [ {one}");
        fs::write(&path, format!("{before} ] }}")).unwrap();
        draft("two").append_to(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("{before},\n    {{\n      \"name\": \"two\",\n")), "{text}");
        assert!(text.ends_with("\n    } ] }"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_invalid_case_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.json");
        let invalid = Draft { outcome: "no".to_owned(), ..draft("one") };
        let error = format!("{:#}", invalid.append_to(&path).unwrap_err());
        assert!(
            error.contains("the changed file would be invalid: at `cases[0].outcome`: unknown variant `no`"),
            "{error}"
        );
        assert!(!path.exists());
    }
}
