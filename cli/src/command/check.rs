//! `guardhouse check`

use std::fmt::Write;

use anyhow::{Result, ensure};
use clap::Args;
use guardhouse::{AuthChecks, AuthContext, Check, Decision, DecisionId, Report};
use serde::Serialize;

use crate::exit::Exit;
use crate::explanation::Explanation;
use crate::host_options::HostOptions;
use crate::input::Document;
use crate::limit_options::LimitOptions;
use crate::output::{self, Output};
use crate::plugin_list::PluginList;
use crate::text::{escaped, quoted};

/// Evaluate plugins for one request
///
/// Prints what the caller of the request may see: `allow`, or `deny` with the id of the decision and the plugin's
/// message, if it has one. A plugin that fails looks like one that denies without a message.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    plugins: PluginList,

    /// The request to decide on (see `guardhouse schema context`)
    #[arg(long, value_name = "JSON|@FILE|@-")]
    context: Document,

    /// Name all missing scopes if the request is denied only for lack of scopes
    #[arg(long)]
    missing_scopes: bool,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,

    /// Add what only the operator may see: the outcome of each plugin, its resource usage, its output, and the cause of
    /// a failure
    #[arg(long)]
    pub(crate) explain: bool,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    host: HostOptions,
}

const AFTER_HELP: &str = "\
Outcomes of a plugin, as --explain prints them:
  allow                the next plugin is evaluated; after the last one, the request is allowed
  denied               denied without a message
  denied-with-message  denied with a message for the caller
  failed               failed, which denies; only the operator sees the cause

Exit codes:
  0  allowed
  1  the command failed, and nothing was decided
  2  denied

Examples:
  guardhouse check --plugin builtin:require-auth \\
      --context '{\"component\": {\"kind\": \"tool\", \"name\": \"search\"}}'
  guardhouse check --plugin builtin:require-scopes --settings '{\"scopes\": [\"read\"]}' \\
      --plugin ./tenant.wasm --settings @tenant.json --grant raw-token \\
      --context @- --explain < request.json";

pub(crate) fn run(args: &CheckArgs) -> Result<Output> {
    let documents = args.plugins.0.iter().filter_map(|plugin| plugin.settings.as_ref()).chain([&args.context]);
    let from_stdin = documents.filter(|document| **document == Document::Stdin).count();
    ensure!(from_stdin <= 1, "`@-` is given {from_stdin} times, but standard input can be read only once");

    let context = args.context.parse("the context", AuthContext::MAX_BYTES, AuthContext::from_slice)?;
    let host = args.host.host()?;
    let limits = args.limits.limits();
    let checks: Vec<Check> = args.plugins.0.iter().map(|plugin| plugin.check(&host, &limits)).collect::<Result<_>>()?;
    let mut list = AuthChecks::new(&checks);
    if args.missing_scopes {
        list = list.name_missing_scopes();
    }
    let report = list.explain_blocking(&context);

    let explanation = args.explain.then(|| Explanation::new(&report, &checks));
    let text = if args.json {
        output::json_line(&Answer::new(&report, explanation))?
    } else {
        let explanation = explanation.map(|explanation| format!("\n{explanation}"));
        answer_text(&report.decision) + &explanation.unwrap_or_default()
    };
    let exit = if report.decision.is_allow() { Exit::Success } else { Exit::Denied };
    Ok(Output { text, exit })
}

/// The answer as text. The plugin's message comes last, so that it cannot forge another part.
fn answer_text(decision: &Decision) -> String {
    let Decision::Deny(denial) = decision else { return "allow\n".to_owned() };
    let mut text = format!("deny (decision {})", denial.id);
    if !denial.missing_scopes.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, ", missing scopes {}", quoted(&denial.missing_scopes));
    }
    if let Some(message) = &denial.message {
        let _ = write!(text, ": {}", escaped(message));
    }
    text + "\n"
}

/// The answer as JSON: what the caller may see, followed by the explanation for the operator.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
    id: DecisionId,
    #[serde(flatten)]
    explanation: Option<Explanation<'a>>,
}

impl<'a> Answer<'a> {
    fn new(report: &'a Report, explanation: Option<Explanation<'a>>) -> Self {
        let (decision, message, missing_scopes) = match &report.decision {
            Decision::Allow => ("allow", None, &[][..]),
            Decision::Deny(denial) => ("deny", denial.message.as_deref(), &denial.missing_scopes[..]),
        };
        Self { decision, message, missing_scopes, id: report.id, explanation }
    }
}
