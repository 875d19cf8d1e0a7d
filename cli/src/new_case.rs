//! A new case of a file of cases: a request, and the outcome that it must have.

use std::path::Path;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum, ValueHint};
use serde_json::Value;

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
