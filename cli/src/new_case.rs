//! A new case of a file of cases: a request, and the outcome that it must have.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cases::CaseFile;
use crate::input;

/// The largest file of cases that a case is added to, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// A case in place of a context.
#[derive(Debug, Args)]
pub(crate) struct CaseOptions {
    /// Print a case with this name for a file of cases, and not the context alone
    #[arg(long, value_name = "NAME")]
    case: Option<String>,

    /// The outcome that the case must have
    #[arg(long, value_enum, default_value = "denied", requires = "case")]
    outcome: Outcome,

    /// The message of the outcome `denied-with-message`
    #[arg(long, value_name = "TEXT", requires = "case")]
    message: Option<String>,

    /// Add the case to the end of this file, which is replaced at once, and print nothing else
    #[arg(long, value_name = "FILE", requires = "case", value_hint = ValueHint::FilePath)]
    append: Option<std::path::PathBuf>,
}

/// The outcome of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    Allow,
    Denied,
    DeniedWithMessage,
    Failed,
}

impl CaseOptions {
    /// The name of the case, if there is to be one, and the file that it is added to.
    pub(crate) fn target(&self) -> Option<(&str, Option<&Path>)> {
        self.case.as_deref().map(|name| (name, self.append.as_deref()))
    }

    /// Fails if the options contradict each other.
    pub(crate) fn check(&self) -> Result<()> {
        let has_message = self.outcome == Outcome::DeniedWithMessage;
        ensure!(!has_message || self.message.is_some(), "the outcome `denied-with-message` needs `--message`");
        ensure!(has_message || self.message.is_none(), "`--message` needs `--outcome denied-with-message`");
        ensure!(self.case.as_deref().is_none_or(|name| !name.is_empty()), "the name of the case is empty");
        Ok(())
    }

    /// The text of a case, in the layout of the cases of new projects.
    pub(crate) fn text(&self, name: &str, context: &Value) -> String {
        let outcome = self.outcome.to_possible_value();
        let outcome = outcome.as_ref().map_or("denied", |value| value.get_name());
        let message = self.message.as_ref().map(|message| format!(",\n  \"message\": {}", Value::from(&**message)));
        format!(
            "{{\n  \"name\": {},\n  \"context\": {context},\n  \"outcome\": {}{}\n}}",
            Value::from(name),
            Value::from(outcome),
            message.unwrap_or_default()
        )
    }
}

/// The places of a file of cases.
#[derive(Deserialize)]
struct Places<'t> {
    #[serde(borrow)]
    cases: Vec<&'t RawValue>,
}

/// Adds the text of a case to the end of the list in a file of cases. The rest of the file stays as it is.
pub(crate) fn append(path: &Path, name: &str, case: &str) -> Result<()> {
    let shown = path.display();
    // What is added to is a file of cases, and its errors are those of its own.
    CaseFile::read(path)?;
    let bytes = input::read_file(path, MAX_BYTES).with_context(|| format!("cannot read `{shown}`"))?;
    let text = String::from_utf8(bytes).with_context(|| format!("`{shown}` is not UTF-8"))?;
    let added = with_case(&text, name, case).with_context(|| format!("cannot add the case to `{shown}`"))?;
    let write = || -> Result<()> {
        // The file that a link leads to is replaced, and not the link.
        let path = path.canonicalize()?;
        let mut draft = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(&path))?;
        draft.write_all(added.as_bytes())?;
        draft.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
        CaseFile::read(draft.path()).context("the file would have no valid cases")?;
        draft.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write `{shown}`"))
}

/// The text of a file with one more case, which is laid out as the one before it.
fn with_case(text: &str, name: &str, case: &str) -> Result<String> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let json = text.get(mark..).unwrap_or_default();
    let places: Places<'_> = serde_json::from_str(json).context("it is not a file of cases")?;
    let mut last = None;
    for raw in &places.cases {
        let found: Value = serde_json::from_str(raw.get()).context("it is not a file of cases")?;
        if found.get("name").and_then(Value::as_str) == Some(name) {
            bail!("a case with the name `{name}` is there already; give another `--case`");
        }
        last = Some(*raw);
    }
    let last = last.context("`cases` is empty")?.get();
    // A raw value is a part of the text that it was read from.
    let start = (last.as_ptr() as usize).checked_sub(text.as_ptr() as usize).context("it is not a file of cases")?;
    let end = start + last.len();
    let (before, rest) = (text.get(..start), text.get(end..));
    let (before, rest) = before.zip(rest).context("it is not a file of cases")?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent = if line.trim().is_empty() && before.contains('\n') { line } else { "    " };
    let end_of_line = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let case = case.replace('\n', &format!("{end_of_line}{indent}"));
    Ok(format!("{before}{last},{end_of_line}{indent}{case}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "{\n  \"name\": \"b\"\n}";

    #[test]
    fn a_case_is_laid_out_as_the_one_before_it() {
        for (text, expected) in [
            (
                "{\n\t\"cases\": [\n\t\t{\"name\": \"a\"}\n\t],\n\t\"settings\": {}\n}\n",
                "{\n\t\"cases\": [\n\t\t{\"name\": \"a\"},\n\t\t{\n\t\t  \"name\": \"b\"\n\t\t}\n\t],\n\t\"settings\": {}\n}\n",
            ),
            (
                "\u{feff}{\"cases\": [{\"name\": \"é]}\"}]}",
                "\u{feff}{\"cases\": [{\"name\": \"é]}\"},\n    {\n      \"name\": \"b\"\n    }]}",
            ),
            (
                "{\"cases\": [\r\n  {\"name\": \"a\"} ]}\r\n",
                "{\"cases\": [\r\n  {\"name\": \"a\"},\r\n  {\r\n    \"name\": \"b\"\r\n  } ]}\r\n",
            ),
        ] {
            assert_eq!(with_case(text, "b", CASE).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_is_there_is_refused_however_it_is_written() {
        for text in ["{\"cases\": [{\"name\": \"b\"}]}", "{\"cases\": [{\"name\": \"\\u0062\"}, {\"name\": \"c\"}]}"] {
            let error = with_case(text, "b", CASE).unwrap_err().to_string();
            assert!(error.contains("is there already"), "{error}");
        }
    }
}
