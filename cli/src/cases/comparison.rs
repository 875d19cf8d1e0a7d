//! The comparison of a case with the answer of a plugin.

use std::fmt;

use guardhouse::Report;
use serde::Serialize;

use crate::cases::Case;
use crate::explanation::Explanation;
use crate::text::{escaped, quoted};

/// The answer of a plugin to the request of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// The word of [`guardhouse::Outcome::kind`].
    pub(crate) outcome: &'static str,
    pub(crate) message: Option<String>,
    pub(crate) missing_scopes: Vec<String>,
    /// The cause, if the plugin failed.
    pub(crate) cause: Option<&'static str>,
    /// The output of the plugin.
    pub(crate) logs: Vec<String>,
}

/// A member of a case that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The name of the member.
    pub(crate) member: &'static str,
    pub(crate) expected: String,
    /// Absent if the expected text was not found in the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<String>,
}

impl Answer {
    /// The answer that a report of one check contains.
    pub(crate) fn new(report: &Report, explanation: &Explanation<'_>) -> Self {
        let denial = report.decision.denial();
        Self {
            outcome: explanation.outcome(),
            message: denial.and_then(|denial| denial.message.clone()),
            missing_scopes: denial.map_or_else(Vec::new, |denial| denial.missing_scopes.clone()),
            cause: explanation.cause(),
            logs: explanation.logs().iter().map(|line| line.text.clone()).collect(),
        }
    }
}

impl Case {
    /// What is not as expected in an answer. A case without differences passes.
    pub(crate) fn differences(&self, answer: &Answer) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut compare = |member, is_expected: bool, expected: String, found: String| {
            if !is_expected {
                differences.push(Difference { member, expected, found: Some(found) });
            }
        };
        let Answer { outcome, message, missing_scopes, cause, logs } = answer;
        let expected = self.outcome;
        compare("outcome", expected.includes(outcome), expected.as_str().to_owned(), (*outcome).to_owned());
        let is_expected = match (&self.message, message) {
            (Some(expected), found) => found.as_ref().is_some_and(|found| expected.matches(found)),
            (None, found) => found.is_none() || expected == super::ExpectedOutcome::Deny,
        };
        let text = self.message.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        compare("message", is_expected, text, shown(message.as_deref()));
        if let Some(expected) = &self.missing_scopes {
            compare("missing_scopes", expected == missing_scopes, scopes(expected), scopes(missing_scopes));
        }
        if let Some(expected) = &self.cause {
            let found = cause.unwrap_or("none");
            compare("cause", expected == found, escaped(expected), found.to_owned());
        }
        let is_missing = |expected: &&String| !logs.iter().any(|line| line.contains(*expected));
        differences.extend(self.logs.iter().filter(is_missing).map(|expected| Difference {
            member: "logs",
            expected: format!("`{}`", escaped(expected)),
            found: None,
        }));
        differences
    }
}

/// A message as it is shown.
fn shown(message: Option<&str>) -> String {
    match message {
        None => "none".to_owned(),
        Some("") => "an empty message".to_owned(),
        Some(message) => format!("`{}`", escaped(message)),
    }
}

fn scopes(scopes: &[String]) -> String {
    if scopes.is_empty() { "none".to_owned() } else { quoted(scopes) }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.member.replace('_', " ");
        match &self.found {
            Some(found) => write!(f, "{label}: expected {}, found {found}", self.expected),
            None => write!(f, "{label}: {} was not found", self.expected),
        }
    }
}
