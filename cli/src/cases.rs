//! Files of cases: requests, and what a plugin must answer.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use guardhouse::{AuthContext, CheckConfig, Json};
use serde::Deserialize;
use serde_json::Value;

use crate::input;

/// The most that is read of a file of cases, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// The settings of every case that has none of its own.
    #[serde(default)]
    settings: Option<Value>,
    pub(crate) cases: Vec<Case>,
}

/// One request, and what a plugin must answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What the case shows. Each has a name of its own.
    pub(crate) name: String,
    #[serde(default)]
    settings: Option<Value>,
    context: Value,
    pub(crate) outcome: ExpectedOutcome,
    /// The message of an explicit denial.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// Which scopes step-up must name. Not looked at if absent.
    #[serde(default)]
    pub(crate) missing_scopes: Option<Vec<String>>,
    /// The cause of a masked denial, as `check --explain` calls it. Not looked at if absent.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// Texts that the operator's log must hold.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
}

/// How a check must end, in the words of `check --explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExpectedOutcome {
    Allow,
    Denied,
    DeniedWithMessage,
    Failed,
}

impl ExpectedOutcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Denied => "denied",
            Self::DeniedWithMessage => "denied-with-message",
            Self::Failed => "failed",
        }
    }
}

impl CaseFile {
    /// Reads a file of cases.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let document = Json::parse(&input::read_file(path, MAX_BYTES)?)?;
            let file = Self::deserialize(&*document)?;
            file.validate()?;
            Ok(file)
        };
        read().with_context(|| format!("cannot read the cases in `{}`", path.display()))
    }

    fn validate(&self) -> Result<()> {
        ensure!(!self.cases.is_empty(), "there are none");
        let mut names = HashSet::new();
        for case in &self.cases {
            let name = &case.name;
            ensure!(names.insert(name), "two cases are called `{name}`");
            let has_message = case.outcome == ExpectedOutcome::DeniedWithMessage;
            ensure!(
                !has_message || case.message.is_some(),
                "the case `{name}` is `denied-with-message` and names no `message`"
            );
            ensure!(
                has_message || case.message.is_none(),
                "the case `{name}` has a `message`, but its outcome is not `denied-with-message`"
            );
        }
        Ok(())
    }

    /// The check that a case is put to.
    pub(crate) fn config(&self, case: &Case) -> CheckConfig {
        let settings = case.settings.as_ref().or(self.settings.as_ref());
        CheckConfig { settings: settings.cloned().map(Json::from), ..CheckConfig::default() }
    }
}

impl Case {
    /// The request.
    pub(crate) fn context(&self) -> Result<AuthContext> {
        Ok(AuthContext::from_json(&serde_json::to_vec(&self.context)?)?)
    }
}
