//! `guardhouse test`

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use guardhouse::{AuthChecks, Check, CheckConfig, Plugin};
use guardhouse_authoring::{CASES, Project};

use crate::cases::{Case, CaseFile};
use crate::exit::Exit;
use crate::explanation::Explanation;
use crate::host_options::HostOptions;
use crate::limit_options::LimitOptions;
use crate::output::Output;
use crate::source::PluginSource;
use crate::text::{escaped, quoted};

/// Run the cases of a plugin
///
/// Each case is a request and the outcome that the plugin must have, as `check --explain` prints it. A case passes if
/// its outcome and its message match, and everything else that it specifies.
#[derive(Debug, Args)]
#[command(after_help = "\
A file of cases:
  {
    \"settings\": {\"scopes\": [\"read\"]},
    \"cases\": [
      {\"name\": \"nobody without a token\",
       \"context\": {\"component\": {\"kind\": \"tool\", \"name\": \"search\"}},
       \"outcome\": \"denied\"}
    ]
  }
A case may have `settings` of its own; the `message`, if its outcome is `denied-with-message`;
the `missing_scopes`; the `cause`, if its outcome is `failed`; and `logs`: texts that the plugin's
output must contain.

Exit codes:
  0  every case passes
  1  the command failed
  2  a case fails")]
pub(crate) struct TestArgs {
    /// The folder of the project
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// A plugin to test instead of the project's own: the path of a component, or `builtin:NAME`
    #[arg(long, value_name = "PLUGIN", value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: Option<PluginSource>,

    /// A file of cases to run instead of the project's `cases.json`
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
            ensure!(built.is_file(), "`{}` does not exist; run `guardhouse build`", built.display());
            PluginSource::File(built)
        }
    };
    let host = args.host.optimizing_host()?;
    let plugin = source.load(&host)?;
    let mut checks = HashMap::new();
    let mut text = String::new();
    let mut failed = 0;
    for case in &file.cases {
        let mut run = || {
            let config = CheckConfig { limits: args.limits.limits(), ..file.config(case) };
            let check = check_for(&mut checks, &plugin, config)?;
            run_case(check, case)
        };
        let differences = run().with_context(|| format!("cannot run the case `{}`", case.name))?;
        failed += usize::from(!differences.is_empty());
        let word = if differences.is_empty() { "ok  " } else { "FAIL" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{word} {}", escaped(&case.name));
        text.push_str(&differences);
    }
    let count = file.cases.len();
    let _ = writeln!(text, "{} of {count} cases passed", count - failed);
    Ok(Output { text, exit: if failed == 0 { Exit::Success } else { Exit::CaseFailed } })
}

/// The check with these settings, which is made only once.
fn check_for<'a>(checks: &'a mut HashMap<String, Check>, plugin: &Plugin, config: CheckConfig) -> Result<&'a Check> {
    let settings = config.settings.as_ref().map_or_else(String::new, |settings| settings.to_string());
    match checks.entry(settings) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => Ok(entry.insert(Check::new(plugin, config)?)),
    }
}

/// Runs one case. Returns the differences with an explanation, or an empty text if the case passes.
fn run_case(check: &Check, case: &Case) -> Result<String> {
    let context = case.context()?;
    let checks = std::slice::from_ref(check);
    let report = AuthChecks::new(checks).name_missing_scopes().explain_blocking(&context);
    let explanation = Explanation::new(&report, checks);
    let mut text = String::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            let _ = writeln!(text, "     {what}: expected {expected}, found {found}");
        }
    };
    compare("outcome", case.outcome.as_str().to_owned(), explanation.outcome().to_owned());
    let denial = report.decision.denial();
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
            let _ = writeln!(text, "     logs: `{}` was not found", escaped(expected));
        }
    }
    if !text.is_empty() {
        for line in explanation.to_string().lines() {
            let _ = writeln!(text, "     {line}");
        }
    }
    Ok(text)
}
