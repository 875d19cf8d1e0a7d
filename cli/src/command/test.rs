//! `guardhouse test`

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use guardhouse::{AuthChecks, Check, CheckConfig, Plugin};
use guardhouse_authoring::{CASES, Newest, Profile, Project, newest};

use crate::building;
use crate::cases::{Answer, Case, CaseFile};
use crate::exit::Exit;
use crate::explanation::Explanation;
use crate::host_options::HostOptions;
use crate::interrupt::Interrupted;
use crate::limit_options::LimitOptions;
use crate::notes::note;
use crate::output::Output;
use crate::source::PluginSource;
use crate::text::escaped;
use crate::vocabulary::remarks;

/// Build a plugin, and run its cases
///
/// The project is built first, as `guardhouse build` does, so that the plugin is the one in the editor; if the build
/// fails, nothing is tested. Each case is a request and the outcome that the plugin must have, as `check --explain`
/// prints it. A case passes if its outcome and its message match, and everything else that it specifies.
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
  1  the command failed, or the plugin was not built
  2  a case fails
  128+N  ended by signal N: 130 after Ctrl-C

Examples:
  guardhouse test
  guardhouse test --no-build
  guardhouse test ./tenant.wasm --cases tenant-cases.json")]
pub(crate) struct TestArgs {
    /// The folder of the project, or a plugin to test instead: the path of a component, or `builtin:NAME`
    #[arg(default_value = ".", value_name = "FOLDER|PLUGIN", value_parser = PluginSource::parser())]
    #[arg(value_hint = ValueHint::AnyPath)]
    target: PluginSource,

    /// Test the component of the last build, and say how old it is
    #[arg(long)]
    no_build: bool,

    /// A plugin to test instead of the project's own: the path of a component, or `builtin:NAME`
    #[arg(long, conflicts_with = "no_build", value_name = "PLUGIN", value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
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
    let (folder, plugin) = args.folder_and_plugin()?;
    let project = plugin.is_none().then(|| Project::open(folder)).transpose()?;
    let path = args.cases.clone().unwrap_or_else(|| folder.join(CASES));
    let file = CaseFile::read(&path)?;
    note_odd_words(&file.cases);
    let limits = args.limits.limits()?;
    let host = args.host.host()?;
    let built = project.map(|project| component(&project, args.no_build)).transpose()?;
    let source = plugin.or(built.map(PluginSource::File)).context("no plugin is named")?;
    let plugin = source.load(&host)?;
    let mut checks = HashMap::new();
    let mut text = String::new();
    let mut failed = 0;
    for case in &file.cases {
        let mut run = || {
            let config = CheckConfig { limits: limits.clone(), ..file.config(case) };
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

/// The largest number of notes about the words of cases.
const MAX_NOTES: usize = 10;

impl TestArgs {
    /// The folder of the cases, and the plugin that is tested instead of the project's own.
    fn folder_and_plugin(&self) -> Result<(&Path, Option<PluginSource>)> {
        let here = Path::new(".");
        let (folder, named) = match &self.target {
            PluginSource::File(path) if !path.is_file() => (path.as_path(), None),
            plugin => (here, Some(plugin)),
        };
        ensure!(
            named.is_none() || self.plugin.is_none(),
            "two plugins are given; give one, or a folder and `--plugin`"
        );
        ensure!(
            named.is_none() || !self.no_build,
            "`--no-build` is for the folder of a project: a plugin is not built"
        );
        Ok((folder, named.or(self.plugin.as_ref()).cloned()))
    }
}

/// Notes the first unknown words of the contexts, and the number of the others.
fn note_odd_words(cases: &[Case]) {
    let mut all = cases
        .iter()
        .flat_map(|case| remarks(&case.context).into_iter().map(|remark| format!("case `{}`: {remark}", case.name)));
    all.by_ref().take(MAX_NOTES).for_each(|text| note(&text));
    let others = all.count();
    if others > 0 {
        note(&format!("{others} more unknown words in the contexts of cases"));
    }
}

/// The component of a project: built now, or by the last build.
fn component(project: &Project, is_built_before: bool) -> Result<PathBuf> {
    let path = project.component(Profile::Development);
    if is_built_before {
        ensure!(path.is_file(), "`{}` does not exist; run `guardhouse build`", path.display());
        note(&age(project, &path)?);
        return Ok(path);
    }
    building::build(project, Profile::Development).map_err(|error| {
        // This error is whole.
        if error.is::<Interrupted>() { error } else { error.context("nothing was tested") }
    })?;
    Ok(path)
}

/// The age of a component, compared with the sources of its project.
fn age(project: &Project, component: &Path) -> Result<String> {
    let modified = || component.metadata()?.modified();
    let built = modified().with_context(|| format!("cannot read the time of `{}`", component.display()))?;
    let Newest { path, changed, is_complete, .. } = newest(project);
    let source = path.map_or("no file".into(), |path| format!("`{}`", path.display()));
    let others = if is_complete { "" } else { "; not all files were looked at" };
    let component = component.strip_prefix(project.folder()).unwrap_or(component).display();
    Ok(match changed.duration_since(built) {
        Ok(older) if changed > built => format!(
            "`{component}` is out of date: it was built {} before {source} was changed; without `--no-build` it is \
             built again",
            rounded(older)
        ),
        _ => {
            let ago = SystemTime::now().duration_since(built).unwrap_or_default();
            format!("`{component}` was built {} ago, after the last change of a source, {source}{others}", rounded(ago))
        }
    })
}

/// A time in its longest unit.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) = units.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "second"));
    let count = seconds / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
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
    let checks = std::slice::from_ref(check);
    let report = AuthChecks::new(checks).name_missing_scopes().explain_blocking(&case.context);
    let explanation = Explanation::new(&report, checks);
    let mut text = String::new();
    for difference in case.differences(&Answer::new(&report, &explanation)) {
        let _ = writeln!(text, "     {difference}");
    }
    if !text.is_empty() {
        for line in explanation.to_string().lines() {
            let _ = writeln!(text, "     {line}");
        }
    }
    Ok(text)
}
