//! Acceptance: the answers of a plugin become the expectations of its cases.

use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;

use crate::cases::comparison::Answer;
use crate::cases::replace::replace;
use crate::cases::value::Value;
use crate::cases::{Case, CaseFile, without_mark};
use crate::text::{escaped, escaped_json};

/// The members of a case that an answer can change, in the order in which they are written.
const MEMBERS: [&str; 4] = ["outcome", "message", "missing_scopes", "cause"];

/// A case whose expectations were changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Accepted {
    /// The name of the case.
    pub(crate) name: String,
    /// Whether the case expected a denial, and expects `allow` now.
    pub(crate) opens: bool,
    changes: Vec<Change>,
}

/// A member of a case that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Change {
    member: &'static str,
    /// The JSON text, or none if the case did not have the member.
    before: Option<String>,
    /// The JSON text, or none if the case does not have the member any more.
    after: Option<String>,
}

/// Writes answers into the cases that they belong to, by index, if these differ. The rest of the file stays as it is.
/// What the output of a plugin must contain is not changed.
pub(crate) fn accept(file: &CaseFile, answers: &[(usize, &Answer)]) -> Result<Vec<Accepted>> {
    let text = str::from_utf8(without_mark(&file.bytes)).unwrap_or_default();
    let (mut written, mut end) = (String::with_capacity(text.len()), 0);
    let mut accepted = Vec::new();
    let mut values = super::values(text).enumerate();
    for (index, answer) in answers {
        let (case, value) =
            file.cases.get(*index).zip(values.find(|(at, _)| at == index)).context("a case was not found")?;
        let (_, value) = value;
        let (changed, changes) = changed(case, value.text(), answer)?;
        if changes.is_empty() {
            continue;
        }
        written.push_str(text.get(end..value.range().start).unwrap_or_default());
        written.push_str(&changed);
        end = value.range().end;
        let opens = answer.outcome == "allow" && !case.outcome.includes("allow");
        accepted.push(Accepted { name: case.name.clone(), opens, changes });
    }
    if accepted.is_empty() {
        return Ok(accepted);
    }
    written.push_str(text.get(end..).unwrap_or_default());
    let mark = file.bytes.len() - text.len();
    let new = [file.bytes.get(..mark).unwrap_or_default(), written.as_bytes()].concat();
    // The file says of each answer what it was, or it is not written.
    let read = CaseFile::parse(&file.path, new.clone()).context("the changed file would be invalid")?;
    for (index, answer) in answers {
        let case = read.cases.get(*index).context("a case was not found")?;
        let is_same = case.differences(answer).iter().all(|difference| difference.member == "logs");
        ensure!(is_same, "the case `{}` would still fail", case.name);
    }
    replace(&file.path, &file.bytes, &new)?;
    Ok(accepted)
}

/// The text of a case that expects an answer, and the members that were changed.
fn changed(case: &Case, text: &str, answer: &Answer) -> Result<(String, Vec<Change>)> {
    let mut changes = Vec::new();
    let mut text = text.to_owned();
    let differences = case.differences(answer);
    let differs = |member: &str| differences.iter().any(|difference| difference.member == member);
    for member in MEMBERS {
        let before = Value::root(&text).and_then(|case| case.get(member)).map(|value| value.text().to_owned());
        let after = match member {
            "outcome" => differs(member).then(|| Some(json!(answer.outcome))),
            "message" => differs(member).then(|| answer.message.as_ref().map(|message| json!(message))),
            "missing_scopes" => differs(member).then(|| Some(json!(answer.missing_scopes))),
            // A new failure has its cause, so that not every failure passes.
            _ => (differs(member) || (differs("outcome") && answer.cause.is_some()))
                .then(|| answer.cause.map(|cause| json!(cause))),
        };
        let Some(after) = after.map(|value| value.map(|value| escaped_json(&spaced(&value)))) else { continue };
        if after != before {
            text = with_member(&text, member, after.as_deref())?;
            changes.push(Change { member, before, after });
        }
    }
    Ok((text, changes))
}

/// The text of an object with another value of a member, or without the member. A new member follows the outcome.
fn with_member(text: &str, name: &str, value: Option<&str>) -> Result<String> {
    let members: Vec<_> = Value::root(text).into_iter().flat_map(Value::members).collect();
    let position = members.iter().position(|member| member.name == name);
    let found = position.and_then(|position| members.get(position));
    let (range, new) = match (found, value) {
        (Some(member), Some(value)) => (member.value.range(), value.to_owned()),
        (Some(member), None) => {
            let position = position.unwrap_or_default();
            let before = position.checked_sub(1).and_then(|before| members.get(before));
            let range = match (before, members.get(position + 1)) {
                (Some(before), _) => before.value.range().end..member.value.range().end,
                (None, Some(next)) => member.start..next.start,
                (None, None) => member.start..member.value.range().end,
            };
            (range, String::new())
        }
        (None, None) => return Ok(text.to_owned()),
        (None, Some(value)) => {
            let outcome = members.iter().find(|member| member.name == "outcome").context("a case has no outcome")?;
            let before = text.get(..outcome.start).unwrap_or_default();
            let blanks = before.get(before.trim_end().len()..).unwrap_or_default();
            let end = outcome.value.range().end;
            (end..end, format!(",{}\"{name}\": {value}", if blanks.is_empty() { " " } else { blanks }))
        }
    };
    let mut text = text.to_owned();
    text.replace_range(range, &new);
    Ok(text)
}

impl fmt::Display for Accepted {
    /// A line for the case, and one for each member.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = if self.opens { " (was a denial, and is allowed now)" } else { "" };
        write!(f, "{}{note}", escaped(&self.name))?;
        for Change { member, before, after } in &self.changes {
            let [before, after] =
                [before, after].map(|text| text.as_ref().map_or_else(|| "none".to_owned(), |text| escaped(text)));
            write!(f, "\n     {}: before {before}, now {after}", member.replace('_', " "))?;
        }
        Ok(())
    }
}

/// A value on one line, with a blank after each comma and colon.
fn spaced(value: &serde_json::Value) -> String {
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
mod tests;
