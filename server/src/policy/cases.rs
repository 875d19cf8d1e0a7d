//! Cases: requests, each with the decision that the policy must make. They stand in `cases.toml`, beside `policy.toml`.

use std::collections::HashSet;

use guardhouse::{AuthContext, Json};
use serde::{Deserialize, Serialize};

use crate::policy::document::{Node, Table, parse, text};
use crate::policy::findings::{Findings, Place};
use crate::policy::folder::Folder;
use crate::policy::json::json;
use crate::policy::{Policy, bounds};
use crate::problem::{Position, Problem, clip};

/// The keys of a case.
const KEYS: &[&str] = &["name", "context", "decision", "message", "outcome", "cause", "rule"];

/// A request, and the decision that the policy must make.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Case {
    /// The name, which is unique within the file.
    pub name: String,
    /// The place of the case in the file.
    pub position: Position,
    /// The key of the case: `cases[3]`.
    pub key: String,
    /// The request.
    pub context: AuthContext,
    /// The decision.
    pub decision: ExpectedDecision,
    /// The message of the denial, or none for a silent one. It is always compared: a message reaches the caller.
    pub message: Option<String>,
    /// The outcome of the checks: `allow`, `denied`, `denied-with-message` or `failed`. Not compared if absent.
    pub outcome: Option<String>,
    /// The cause: that of a failed check, such as `cpu-time-limit`, or of a denial without a check, such as `no-rule`. Not
    /// compared if absent.
    pub cause: Option<String>,
    /// The rule that decides. Not compared if absent.
    pub rule: Option<String>,
}

/// The decision that a policy must make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedDecision {
    /// The request is allowed.
    Allow,
    /// The request is denied.
    Deny,
    /// The request is allowed because of the mode `monitor`, and would be denied without it.
    WouldDeny,
}

impl ExpectedDecision {
    /// Every decision.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::WouldDeny];

    /// The word of the decision.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "would-deny",
        }
    }
}

/// The words of outcomes, as [`guardhouse::Outcome::kind`] has them.
pub(super) const OUTCOMES: [&str; 4] = ["allow", "denied", "denied-with-message", "failed"];

impl Case {
    /// Reads the cases of a policy. A folder without the file has none.
    ///
    /// # Errors
    /// Every problem, in the order of the file.
    pub fn read_all(folder: &Folder, policy: &Policy) -> Result<Vec<Self>, Vec<Problem>> {
        let text = text(folder, Folder::CASES, bounds::CASES_BYTES).map_err(|problem| vec![problem])?;
        let Some(text) = text else { return Ok(Vec::new()) };
        let mut findings = Findings::new(Folder::CASES, text);
        let cases = parse(text, &mut findings).map(|table| {
            Reader { policy, findings: &mut findings, text, names: HashSet::new() }.cases(&Table::root(&table))
        });
        findings.into_result()?;
        Ok(cases.unwrap_or_default())
    }
}

struct Reader<'r, 't> {
    policy: &'r Policy,
    findings: &'r mut Findings<'t>,
    text: &'t str,
    names: HashSet<String>,
}

impl Reader<'_, '_> {
    fn cases(&mut self, root: &Table<'_>) -> Vec<Case> {
        root.check_names(&["cases"], self.findings);
        let items = root.get("cases").and_then(|node| node.items(self.findings));
        let items = items.unwrap_or_default();
        if items.is_empty() {
            let help = "begin a case with `[[cases]]`, or remove the file";
            self.findings.error_with_help(&root.place, "the file has no cases", help);
        }
        if items.len() > bounds::CASES {
            let message = format!("the file has {} cases, and may have {}", items.len(), bounds::CASES);
            self.findings.error(&root.place, message);
        }
        items.iter().take(bounds::CASES).filter_map(|node| self.case(node)).collect()
    }

    fn case(&mut self, node: &Node<'_>) -> Option<Case> {
        let table = node.table(KEYS, self.findings)?;
        let name = self.required(&table, "name").and_then(|node| self.name(&node));
        let context = self.required(&table, "context").and_then(|node| self.context(&node));
        let decision = self.required(&table, "decision").and_then(|node| self.decision(&node));
        let message = table.get("message").map(|node| (node.text(self.findings).map(str::to_owned), node.place));
        if let (Some(ExpectedDecision::Allow), Some((_, place))) = (decision, &message) {
            self.findings.error_with_help(place, "a request that is allowed has no message", "remove the key");
        }
        let outcome = table.get("outcome").map(|node| self.word(&node, "the outcome", &OUTCOMES));
        let cause = table.get("cause").map(|node| node.text(self.findings).map(str::to_owned));
        let rules: Vec<&str> = self.policy.rules.iter().map(|rule| &*rule.name).collect();
        let rule = table.get("rule").map(|node| self.word(&node, "the rule", &rules));
        Some(Case {
            position: Position::of(self.text, table.place.offset),
            key: table.place.key.clone(),
            name: name?,
            context: context?,
            decision: decision?,
            message: message.and_then(|(message, _)| message),
            outcome: outcome.flatten(),
            cause: cause.flatten(),
            rule: rule.flatten(),
        })
    }

    fn required<'a>(&mut self, table: &Table<'a>, key: &str) -> Option<Node<'a>> {
        let found = table.get(key);
        if found.is_none() {
            self.findings.error(&table.place, format!("`{key}` is missing"));
        }
        found
    }

    fn name(&mut self, node: &Node<'_>) -> Option<String> {
        let name = node.text(self.findings)?;
        if name.is_empty() || name.len() > bounds::CASE_NAME_BYTES || name.contains(char::is_control) {
            let most = bounds::CASE_NAME_BYTES;
            let message = format!("the name of a case has 1 to {most} bytes: no control characters");
            self.findings.error(&node.place, message);
        }
        if !self.names.insert(name.to_owned()) {
            self.findings.error(&node.place, format!("another case has the name `{}`", clip(name)));
        }
        Some(name.to_owned())
    }

    fn context(&mut self, node: &Node<'_>) -> Option<AuthContext> {
        let document: Json = json(node, self.findings)?;
        match AuthContext::from_slice(document.to_string().as_bytes()) {
            Ok(context) => Some(context),
            Err(error) => {
                let place = place_in(node, error.path());
                // The line and column are those of a document that nobody has written.
                let reason = error.reason();
                let reason = reason.split_once(" at line ").map_or(reason, |(reason, _)| reason);
                self.findings.error_with_help(&place, reason, "`guardhouse schema context` prints what a context has");
                None
            }
        }
    }

    fn decision(&mut self, node: &Node<'_>) -> Option<ExpectedDecision> {
        let word = self.word(node, "the decision", &ExpectedDecision::ALL.map(ExpectedDecision::as_str))?;
        ExpectedDecision::ALL.into_iter().find(|decision| decision.as_str() == word)
    }

    fn word(&mut self, node: &Node<'_>, what: &str, known: &[&str]) -> Option<String> {
        let word = node.text(self.findings)?;
        let found = known.contains(&word);
        if !found {
            self.findings.unknown(&node.place, what, word, known.iter().copied());
        }
        found.then(|| word.to_owned())
    }
}

/// The place of a member, by its path from `node`, for example `token.scopes[1]`; or the last on the way that exists.
fn place_in(node: &Node<'_>, path: &str) -> Place {
    let mut node = node.clone();
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    for part in parts {
        match node.member(part) {
            Some(member) => node = member,
            None => break,
        }
    }
    node.place
}

#[cfg(test)]
mod tests;
