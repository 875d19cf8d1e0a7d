//! Adding a case to a file of cases.

use anyhow::{Context, Result, ensure};

use crate::cases::replace::replace;
use crate::cases::value::Value;
use crate::cases::{BYTE_ORDER_MARK, CaseFile};

/// The largest file that a case is added to, in bytes.
const MAX_BYTES: usize = 16 << 20;

impl CaseFile {
    /// Adds the text of a case with this name to the end of the list. The rest of the file stays as it is.
    pub(crate) fn append(&self, name: &str, case: &str) -> Result<()> {
        let added = || {
            let length = self.bytes.len();
            ensure!(length <= MAX_BYTES, "has {length} bytes, and a case is added to at most {MAX_BYTES}");
            ensure!(
                self.cases.iter().all(|known| known.name != name),
                "a case with the name `{name}` is there already; give another `--case`"
            );
            with_case(str::from_utf8(&self.bytes).context("it is not UTF-8")?, case)
        };
        let added = added().with_context(|| format!("cannot add the case to `{}`", self.path.display()))?;
        replace(&self.path, &self.bytes, added.as_bytes())
    }
}

/// The text of a file with one more case, which is laid out as the one before it.
fn with_case(text: &str, case: &str) -> Result<String> {
    let mark = if text.as_bytes().starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let root = Value::root(text.get(mark..).unwrap_or_default());
    let last = root.and_then(|root| root.get("cases")).and_then(|cases| cases.items().last());
    let last = last.context("the place of the last case was not found")?;
    let split = text.split_at_checked(mark + last.range().end).zip(text.get(..mark + last.range().start));
    let ((before, rest), start) = split.context("the place of the last case was not found")?;
    let line = start.rsplit('\n').next().unwrap_or_default();
    let indent = if line.trim().is_empty() && start.contains('\n') { line } else { "    " };
    let end_of_line = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let case = case.replace('\n', &format!("{end_of_line}{indent}"));
    Ok(format!("{before},{end_of_line}{indent}{case}{rest}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            assert_eq!(with_case(text, CASE).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_is_there_is_refused_however_it_is_written() {
        let case = |name: &str| {
            format!(
                r#"{{"name": "{name}", "context": {{"component": {{"kind": "tool", "name": "a"}}}}, "outcome": "allow"}}"#
            )
        };
        for cases in [case("b"), format!("{}, {}", case("\\u0062"), case("c"))] {
            let bytes = format!("{{\"cases\": [{cases}]}}").into_bytes();
            let file = CaseFile::parse(Path::new("cases.json"), bytes).unwrap();
            let error = format!("{:#}", file.append("b", CASE).unwrap_err());
            assert!(error.contains("is there already"), "{error}");
        }
    }
}
