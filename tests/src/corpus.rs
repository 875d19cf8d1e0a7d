//! Recorded decisions of the origin, which is FastMCP's authorization module, for comparison with Guardhouse.
//!
//! A file has one case on each line: `checks`, `context`, the decision of the origin's plain engine (`expected`, `calls`,
//! `decided_by`, `warnings`), and the decision of its engine that names missing scopes (`shortfall`).
//!
//! A case of one `require_roles` is shorter: `roles`, `claim`, the `claims` of the token (`null` without a token), and
//! whether the origin allowed.

use std::num::NonZero;
use std::time::Duration;

use anyhow::{Context as _, Result};
use guardhouse::{AuthChecks, AuthContext, Report};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::events;
use crate::makers::{AnyCheck, Maker};

/// The deadline of a decision. Some have hundreds of checks.
const PATIENT: Duration = Duration::from_secs(60);

/// One recorded decision.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its number.
    pub id: u64,
    /// Its topic.
    pub group: String,
    checks: Vec<Rule>,
    context: Value,
    expected: Value,
    calls: usize,
    decided_by: Option<usize>,
    warnings: usize,
    #[serde(rename = "shortfall")]
    missing_scopes: MissingScopes,
}

/// The decision of the engine that names missing scopes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MissingScopes {
    expected: Value,
    missing: Vec<String>,
    calls: usize,
    warnings: usize,
}

/// A check of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// Allows.
    Allow,
    /// Denies without a message.
    Deny,
    /// Rule B1.
    RequireAuth,
    /// Rule B2.
    RequireScopes {
        /// The scopes needed.
        scopes: Vec<String>,
    },
    /// Rule B3.
    RestrictTag {
        /// The tag of the restricted components.
        tag: String,
        /// The scopes needed.
        scopes: Vec<String>,
    },
    /// Rule B4.
    RequireRoles {
        /// The roles needed.
        roles: Vec<String>,
        /// The claim that lists the roles of a token, as a JSON pointer.
        claim: String,
    },
    /// Denies with a message (rule S3).
    RaiseAuthorizationError {
        /// The message for the caller.
        message: String,
    },
    /// Fails (rule S4).
    RaiseOther {
        /// The message for the operator.
        message: String,
    },
}

/// A case in the short form: one `require_roles`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesCase {
    id: u64,
    roles: Vec<String>,
    claim: String,
    claims: Value,
    allow: bool,
}

impl From<RolesCase> for Case {
    fn from(case: RolesCase) -> Self {
        let RolesCase { id, roles, claim, claims, allow } = case;
        let token = if claims.is_null() { Value::Null } else { json!({ "client_id": "client", "claims": claims }) };
        let expected = json!({ "allow": allow });
        Self {
            id,
            group: "roles".to_owned(),
            checks: vec![Rule::RequireRoles { roles, claim }],
            context: json!({ "token": token, "component": { "type": "tool", "name": "any" } }),
            expected: expected.clone(),
            calls: 1,
            decided_by: (!allow).then_some(0),
            warnings: 0,
            missing_scopes: MissingScopes { expected, missing: Vec::new(), calls: 1, warnings: 0 },
        }
    }
}

/// A case for which Guardhouse has another decision than the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The number of the case.
    pub id: u64,
    /// The recorded decision.
    pub expected: String,
    /// The decision of Guardhouse.
    pub found: String,
}

/// Reads the text of a file of cases.
///
/// # Errors
/// If a line is not a valid case.
pub fn read(text: &str) -> Result<Vec<Case>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| read_case(line).with_context(|| format!("line {}", at + 1))).collect()
}

fn read_case(line: &str) -> Result<Case> {
    let case: Value = serde_json::from_str(line)?;
    if case.get("roles").is_some() {
        return Ok(serde_json::from_value::<RolesCase>(case)?.into());
    }
    Ok(serde_json::from_value(case)?)
}

/// Decides every case with the checks of `maker`, and returns the disagreements.
///
/// # Errors
/// If a check or a context of the corpus is rejected.
pub fn run(cases: &[Case], maker: &dyn Maker) -> Result<Vec<Disagreement>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = cases.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = cases
            .chunks(share)
            .map(|cases| {
                let decide = |case: &Case| case.run(maker).with_context(|| format!("case {}", case.id));
                scope
                    .spawn(move || cases.iter().filter_map(|case| decide(case).transpose()).collect::<Result<Vec<_>>>())
            })
            .collect();
        let mut all = Vec::new();
        for share in shares {
            all.extend(share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

impl Case {
    fn run(&self, maker: &dyn Maker) -> Result<Option<Disagreement>> {
        let checks = self.checks.iter().map(|rule| maker.make(rule)).collect::<Result<Vec<AnyCheck>>>()?;
        let context = context(&self.context)?;

        // The corpus has decisions, and not how long they take.
        let checks = AuthChecks::new(&checks).deadline(PATIENT)?;
        let (plain, plain_events) = events::capture(|| checks.explain_blocking(&context));
        let (naming, naming_events) = events::capture(|| checks.name_missing_scopes().explain_blocking(&context));

        let expected = json!({
            "plain": {
                "answer": self.expected, "calls": self.calls, "decided_by": self.decided_by,
                "warnings": self.warnings, "missing": [],
            },
            "missing_scopes": {
                "answer": self.missing_scopes.expected, "calls": self.missing_scopes.calls,
                "warnings": self.missing_scopes.warnings, "missing": self.missing_scopes.missing,
            },
        });
        let found = json!({
            "plain": {
                "answer": answer(&plain), "calls": plain.checks.len(), "decided_by": plain.decided_by,
                "warnings": events::failed_decisions(&plain_events).len(), "missing": missing(&plain),
            },
            "missing_scopes": {
                "answer": answer(&naming), "calls": naming.checks.len(),
                "warnings": events::failed_decisions(&naming_events).len(), "missing": missing(&naming),
            },
        });
        let differs = expected != found;
        Ok(differs.then(|| Disagreement { id: self.id, expected: expected.to_string(), found: found.to_string() }))
    }
}

fn answer(report: &Report) -> Value {
    match report.decision.clone().into_result() {
        Ok(allow) => json!({ "allow": allow }),
        Err(error) => json!({ "error": error.message }),
    }
}

fn missing(report: &Report) -> Vec<String> {
    match &report.decision {
        guardhouse::Decision::Allow => Vec::new(),
        guardhouse::Decision::Deny(denial) => denial.missing_scopes.clone(),
    }
}

/// The time of every context: those of the origin have none.
const NOW: i64 = 1_700_000_000;

/// Translates a context of the corpus into the JSON form of the host, and reads that.
fn context(recorded: &Value) -> Result<AuthContext> {
    let mut document =
        Map::from_iter([("component".to_owned(), component(&recorded["component"])), ("now".to_owned(), NOW.into())]);
    if let Some(token) = recorded["token"].as_object() {
        let names = [
            ("token", "raw"),
            ("client_id", "client_id"),
            ("subject", "subject"),
            ("scopes", "scopes"),
            ("expires_at", "expires_at"),
            ("resource", "resource_indicator"),
            ("claims", "claims"),
        ];
        document.insert("token".to_owned(), renamed(token, &names).0.into());
    }
    Ok(AuthContext::from_slice(&serde_json::to_vec(&document)?)?)
}

fn component(recorded: &Value) -> Value {
    let names = [("name", "name"), ("uri", "uri"), ("uri_template", "uri"), ("version", "version"), ("tags", "tags")];
    let empty = Map::new();
    let (mut component, detail) = renamed(recorded.as_object().unwrap_or(&empty), &names);
    let mut detail = detail;
    let kind = detail.remove("type").unwrap_or_default();
    let is_template = kind == "resource_template";
    component.insert("kind".to_owned(), if is_template { "resource-template".into() } else { kind });
    component.insert("detail".to_owned(), detail.into());
    component.into()
}

/// The members of an object that are in `names`, under their new names, and all other members.
fn renamed(object: &Map<String, Value>, names: &[(&str, &str)]) -> (Map<String, Value>, Map<String, Value>) {
    let mut named = Map::new();
    let mut others = Map::new();
    for (name, value) in object {
        match names.iter().find(|(old, _)| old == name) {
            Some((_, new)) => named.insert((*new).to_owned(), value.clone()),
            None => others.insert(name.clone(), value.clone()),
        };
    }
    (named, others)
}
