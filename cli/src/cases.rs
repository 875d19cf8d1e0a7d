//! Files of cases: requests, each with the outcome that a plugin must have.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use guardhouse::{AuthContext, CheckConfig, Json};
use serde::Deserialize;

use crate::input;
use crate::object::{Object, object, objects};

/// The largest file of cases, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// The settings of every case without settings of its own.
    #[serde(default)]
    settings: Option<Json>,
    #[serde(deserialize_with = "objects")]
    pub(crate) cases: Vec<Case>,
}

/// A request, and the outcome that a plugin must have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The name, which is unique within the file.
    pub(crate) name: String,
    #[serde(default)]
    settings: Option<Json>,
    /// The request.
    #[serde(deserialize_with = "object")]
    pub(crate) context: AuthContext,
    pub(crate) outcome: ExpectedOutcome,
    /// The message of a denial with a message.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// The missing scopes that the plugin must name. Not compared if absent.
    #[serde(default)]
    pub(crate) missing_scopes: Option<Vec<String>>,
    /// The cause of a failure, as `check --explain` prints it. Not compared if absent.
    #[serde(default)]
    pub(crate) cause: Option<String>,
    /// Texts that the plugin's output must contain.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
}

/// The expected outcome of a check, with the words of [`guardhouse::Outcome::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExpectedOutcome {
    Allow,
    Denied,
    DeniedWithMessage,
    Failed,
}

impl ExpectedOutcome {
    /// The word of the outcome.
    pub(crate) fn as_str(self) -> &'static str {
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
            let Object(file) = Json::read::<Object<Self>>(&input::read_file(path, MAX_BYTES)?)?;
            file.validate()?;
            Ok(file)
        };
        read().with_context(|| format!("cannot read the cases in `{}`", path.display()))
    }

    fn validate(&self) -> Result<()> {
        ensure!(!self.cases.is_empty(), "`cases` is empty");
        let mut names = HashSet::new();
        for case in &self.cases {
            let name = &case.name;
            ensure!(names.insert(name), "two cases have the name `{name}`");
            let has_message = case.outcome == ExpectedOutcome::DeniedWithMessage;
            ensure!(
                !has_message || case.message.is_some(),
                "the outcome of the case `{name}` is `denied-with-message`, but it has no `message`"
            );
            ensure!(
                has_message || case.message.is_none(),
                "the case `{name}` has a `message`, but its outcome is not `denied-with-message`"
            );
        }
        Ok(())
    }

    /// The configuration of the check that a case needs.
    pub(crate) fn config(&self, case: &Case) -> CheckConfig {
        let settings = case.settings.as_ref().or(self.settings.as_ref());
        CheckConfig { settings: settings.cloned(), ..CheckConfig::default() }
    }
}
