//! Files of cases: requests, each with the outcome that a plugin must have.

mod accept;
mod append;
mod comparison;
mod message;
mod place;
mod replace;
pub(crate) mod schema;
mod time;
mod value;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use guardhouse::{AuthContext, CheckConfig, Json};
use serde::Deserialize;

pub(crate) use self::accept::{Accepted, accept};
pub(crate) use self::comparison::{Answer, Difference};
use self::message::ExpectedMessage;
use self::place::{Place, in_characters};
use self::value::Value;
use crate::input;
use crate::object::{Object, object, objects};

/// The largest file of cases, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// What some editors write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file of cases.
#[derive(Debug)]
pub(crate) struct CaseFile {
    path: PathBuf,
    /// The content of the file.
    bytes: Vec<u8>,
    settings: Option<Json>,
    pub(crate) cases: Vec<Case>,
}

/// The content of a file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// For editors, which complete what this schema describes. Nothing is read from there.
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    #[serde(default)]
    settings: Option<Json>,
    #[serde(deserialize_with = "objects")]
    cases: Vec<Case>,
}

/// A request, and the outcome that a plugin must have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The name, which is unique within the file.
    pub(crate) name: String,
    /// The line of the file in which the case begins.
    #[serde(skip)]
    pub(crate) line: usize,
    /// The settings, instead of those of the file.
    #[serde(default)]
    settings: Option<Json>,
    /// The request.
    #[serde(deserialize_with = "object")]
    pub(crate) context: AuthContext,
    pub(crate) outcome: ExpectedOutcome,
    /// The message of a denial. Not compared if it is absent and the outcome is `deny`.
    #[serde(default)]
    message: Option<ExpectedMessage>,
    /// The missing scopes that the plugin must name. Not compared if absent.
    #[serde(default)]
    missing_scopes: Option<Vec<String>>,
    /// The cause of a failure, as `check --explain` prints it. Not compared if absent.
    #[serde(default)]
    cause: Option<String>,
    /// Texts that the plugin's output must contain.
    #[serde(default)]
    logs: Vec<String>,
}

/// The expected outcome of a check, with the words of [`guardhouse::Outcome::kind`], and one for every denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExpectedOutcome {
    Allow,
    Deny,
    Denied,
    DeniedWithMessage,
    Failed,
}

impl ExpectedOutcome {
    /// Every outcome.
    const ALL: [Self; 5] = [Self::Allow, Self::Deny, Self::Denied, Self::DeniedWithMessage, Self::Failed];

    /// The word of the outcome.
    fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Denied => "denied",
            Self::DeniedWithMessage => "denied-with-message",
            Self::Failed => "failed",
        }
    }

    /// Whether an outcome with this word is as expected.
    fn includes(self, found: &str) -> bool {
        match self {
            // An unknown word must not let a case pass.
            Self::Deny => {
                [Self::Denied, Self::DeniedWithMessage, Self::Failed].iter().any(|deny| deny.as_str() == found)
            }
            _ => self.as_str() == found,
        }
    }
}

impl CaseFile {
    /// Reads a file of cases.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> { Self::parse(path, input::read_file(path, MAX_BYTES)?) };
        read().with_context(|| format!("cannot read the cases in `{}`", path.display()))
    }

    fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        // The parser rejects what is not UTF-8.
        let text = str::from_utf8(without_mark(&bytes)).unwrap_or_default();
        let read = |document: &[u8]| {
            Json::read::<Object<Content>>(document)
                .map_err(|error| mistake(error.path(), &in_characters(text, error.reason())))
        };
        let Object(content) = if text.is_empty() {
            read(&bytes)?
        } else {
            let numbers = time::with_numbers(text);
            let numbers = numbers.map_err(|error| mistake_at(text, error.offset, &error.path, &error.reason))?;
            read(numbers.as_bytes())?
        };
        let Content { settings, mut cases, .. } = content;
        let (mut line, mut counted) = (1, 0);
        for (case, value) in cases.iter_mut().zip(values(text)) {
            let start = value.range().start;
            line += text.get(counted..start).unwrap_or_default().matches('\n').count();
            counted = start;
            case.line = line;
        }
        validate(text, &cases)?;
        Ok(Self { path: path.to_owned(), bytes, settings, cases })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the check that a case needs.
    pub(crate) fn config(&self, case: &Case) -> CheckConfig {
        let settings = case.settings.as_ref().or(self.settings.as_ref());
        CheckConfig { settings: settings.cloned(), ..CheckConfig::default() }
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// The cases in the text of a file, with their places.
fn values(text: &str) -> impl Iterator<Item = Value<'_>> {
    Value::root(text).and_then(|root| root.get("cases")).into_iter().flat_map(Value::items)
}

fn mistake(path: &str, reason: &str) -> anyhow::Error {
    match path {
        "." | "" => anyhow!("{reason}"),
        _ => anyhow!("at `{path}`: {reason}"),
    }
}

fn mistake_at(text: &str, offset: usize, path: &str, reason: &str) -> anyhow::Error {
    mistake(path, &format!("{reason} at {}", Place::of(text, offset)))
}

/// Checks what the types of the members do not say.
fn validate(text: &str, cases: &[Case]) -> Result<()> {
    let mut lines = HashMap::new();
    for (index, case) in cases.iter().enumerate() {
        // The place of a member, or of the whole case.
        let wrong = |member: &str, reason: &str| {
            let value = values(text).nth(index);
            let found = value.and_then(|value| value.get(member));
            let path = if found.is_some() { format!("cases[{index}].{member}") } else { format!("cases[{index}]") };
            let offset = found.or(value).map_or(0, |value| value.range().start);
            mistake_at(text, offset, &path, &format!("case `{}`: {reason}", case.name))
        };
        if let Some(first) = lines.insert(&case.name, case.line) {
            return Err(wrong("name", &format!("the case at line {first} has the same name")));
        }
        let has_message = case.outcome == ExpectedOutcome::DeniedWithMessage;
        let may_have_message = has_message || case.outcome == ExpectedOutcome::Deny;
        if has_message && case.message.is_none() {
            return Err(wrong("outcome", "the outcome is `denied-with-message`, but there is no `message`"));
        }
        if !may_have_message && case.message.is_some() {
            return Err(wrong("message", "only the outcomes `denied-with-message` and `deny` can have a `message`"));
        }
        let may_fail = matches!(case.outcome, ExpectedOutcome::Failed | ExpectedOutcome::Deny);
        if !may_fail && case.cause.is_some() {
            return Err(wrong("cause", "only the outcomes `failed` and `deny` can have a `cause`"));
        }
    }
    ensure!(!cases.is_empty(), "`cases` is empty");
    Ok(())
}
