//! `guardhouse test`

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use guardhouse::{AuthChecks, Check, CheckConfig, Decision, Plugin, blocking};
use guardhouse_authoring::{CASES, Project};

use crate::cases::{Case, CaseFile};
use crate::exit::Exit;
use crate::explanation::Explanation;
use crate::host_options::HostOptions;
use crate::limit_options::LimitOptions;
use crate::output::Output;
use crate::source::PluginSource;
use crate::text::{escaped, quoted};

/// Hold a plugin against a file of cases
///
/// Each case is a request, and the answer that the plugin must give to it: its outcome, as `check --explain` calls it,
/// the message of an explicit denial, and the scopes that are missing.
#[derive(Debug, Args)]
#[command(after_help = "\
A file of cases:
  {
    \"settings\": {\"scopes\": [\"read\"]},
    \"cases\": [
      {\"name\": \"nobody without a token\",
       \"context\": {\"component\": {\"kind\": \"tool\", \"name\": \"search\"}},
       \"outcome\": \"refused\"}
    ]
  }
A case may have `settings` of its own, a `message` if its outcome is `explicit`, `missing_scopes`,
the `cause` of a masked denial, and `logs`: texts that the operator must find.

Exit codes:
  0  every case came out as it says
  1  the command failed
  2  some did not")]
pub(crate) struct TestArgs {
    /// The folder of the project
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// Another plugin than the one that the project builds: the path of a component, or `builtin:NAME`
    #[arg(long, value_name = "PLUGIN", value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: Option<PluginSource>,

    /// Another file of cases than the project's `cases.json`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cases: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &TestArgs) -> Result<Output> {
    let path = args.cases.clone().unwrap_or_else(|| args.folder.join(CASES));
    let file = CaseFile::read(&path)?;
    let source = match &args.plugin {
        Some(source) => source.clone(),
        None => {
            let built = Project::open(&args.folder)?.component();
            ensure!(built.is_file(), "`{}` is not there; `guardhouse build` makes it", built.display());
            PluginSource::File(built)
        }
    };
    let host = args.host.optimizing_host()?;
    let plugin = source.load(&host)?;
    let deadline = args.limits.deadline(1);
    let mut checks = HashMap::new();
    let mut text = String::new();
    let mut failed = 0;
    for case in &file.cases {
        let mut run = || {
            let config = CheckConfig { limits: args.limits.limits(), ..file.config(case) };
            let check = made(&mut checks, &plugin, config)?;
            hold(check, case, deadline)
        };
        let differences = run().with_context(|| format!("cannot run the case `{}`", case.name))?;
        failed += usize::from(!differences.is_empty());
        let word = if differences.is_empty() { "ok  " } else { "FAIL" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{word} {}", escaped(&case.name));
        text.push_str(&differences);
    }
    let count = file.cases.len();
    let _ = writeln!(text, "{} of {count} cases came out as they say", count - failed);
    Ok(Output { text, exit: if failed == 0 { Exit::Success } else { Exit::Differs } })
}

/// The check with these settings, made once.
fn made<'a>(checks: &'a mut HashMap<String, Check>, plugin: &Plugin, config: CheckConfig) -> Result<&'a Check> {
    let settings = config.settings.as_ref().map_or_else(String::new, |settings| settings.to_string());
    match checks.entry(settings) {
        Entry::Occupied(check) => Ok(check.into_mut()),
        Entry::Vacant(place) => Ok(place.insert(Check::new(plugin, config)?)),
    }
}

/// Puts one case to a check. What comes back says what came out differently, and why.
fn hold(check: &Check, case: &Case, deadline: Duration) -> Result<String> {
    let context = case.context()?;
    let checks = std::slice::from_ref(check);
    let report = blocking::explain(&AuthChecks::new(checks).deadline(deadline).name_missing_scopes(), &context);
    let explanation = Explanation::new(&report, checks);
    let mut text = String::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            let _ = writeln!(text, "     {what}: expected {expected}, found {found}");
        }
    };
    compare("outcome", case.outcome.word().to_owned(), explanation.outcome().to_owned());
    let denial = match &report.decision {
        Decision::Allow => None,
        Decision::Deny(denial) => Some(denial),
    };
    let message =
        |message: Option<&str>| message.map_or("none".to_owned(), |message| format!("`{}`", escaped(message)));
    compare("message", message(case.message.as_deref()), message(denial.and_then(|denial| denial.message.as_deref())));
    if let Some(scopes) = &case.missing_scopes {
        let found = denial.map_or(&[][..], |denial| &denial.missing_scopes);
        compare("missing scopes", quoted(scopes), quoted(found));
    }
    if let Some(cause) = &case.cause {
        compare("cause", cause.clone(), explanation.cause().unwrap_or("none").to_owned());
    }
    for expected in &case.logs {
        if !explanation.logs().iter().any(|line| line.text.contains(expected)) {
            let _ = writeln!(text, "     logs: no line has `{}`", escaped(expected));
        }
    }
    if !text.is_empty() {
        for line in explanation.to_string().lines() {
            let _ = writeln!(text, "     {line}");
        }
    }
    Ok(text)
}
