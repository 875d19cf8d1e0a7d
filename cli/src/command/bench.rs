//! `guardhouse bench`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use guardhouse::{AuthContext, Component, Json};
use guardhouse_authoring::{CASES, Profile, Project, newest};
use serde::Serialize;

use crate::cases::{CaseFile, ExpectedOutcome};
use crate::exit::Exit;
use crate::input::Document;
use crate::limit_options::LimitOptions;
use crate::measuring::{self, Comparison, Costs, Request, Subject, Tolerances};
use crate::notes::note;
use crate::output::{self, Output};
use crate::source::PluginSource;

/// Measure what a plugin costs
///
/// Loads the plugin without and with a cache of machine code, and evaluates requests in fresh instances that configure
/// themselves, and in fresh instances that start from an image. Fuel, which is roughly the number of instructions, and
/// memory are the same on every machine; times are those of this one.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  measured; no cost is worse than in the baseline
  1  the command failed, or a request cannot be measured
  2  a cost is worse than in the baseline

Examples:
  guardhouse bench
  guardhouse bench builtin:require-scopes --settings '{\"scopes\": [\"read\"]}' --json
  guardhouse bench --save bench.json
  guardhouse bench --baseline bench.json")]
pub(crate) struct BenchArgs {
    /// The folder of a project, whose release build is measured, or a plugin: the path of a component, or `builtin:NAME`
    #[arg(default_value = ".", value_name = "FOLDER|PLUGIN", value_parser = PluginSource::parser())]
    #[arg(value_hint = ValueHint::AnyPath)]
    target: PluginSource,

    /// Settings for the plugin; the cases of a file have their own
    #[arg(long, value_name = "JSON|@FILE|@-", conflicts_with = "cases")]
    settings: Option<Document>,

    /// A request to evaluate
    #[arg(long, value_name = "JSON|@FILE|@-", conflicts_with = "cases")]
    context: Option<Document>,

    /// A file of cases whose requests are evaluated in turns [default: the `cases.json` of a project]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cases: Option<PathBuf>,

    /// The evaluations of which times are taken, for each start of instances: at most, in 20 seconds
    #[arg(long, value_name = "COUNT", default_value = "500", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,

    /// Measure optimized code of a large plugin too, which takes much longer to load, and not the code that it has first
    #[arg(long)]
    optimized: bool,

    /// Compare with the costs in this file; a count that grew is worse, and so is an image that is gone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    baseline: Option<PathBuf>,

    /// The growth of a count that is not yet worse, in percent
    #[arg(long, value_name = "PERCENT", default_value = "1", requires = "baseline", value_parser = parse_percent)]
    tolerance: f64,

    /// The ratio of medians from which a time is worse too, for example `1.5`
    #[arg(long, value_name = "RATIO", requires = "baseline", value_parser = parse_ratio)]
    max_slowdown: Option<f64>,

    /// Write the costs to this file, for a later `--baseline`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    save: Option<PathBuf>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitOptions,
}

/// The costs as JSON, with what became of them since the baseline.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    costs: &'a Costs,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
}

pub(crate) fn run(args: &BenchArgs) -> Result<Output> {
    // A baseline that cannot be read is known before anything is measured.
    let baseline = args.baseline.as_deref().map(measuring::read).transpose()?;
    let (source, project) = args.source()?;
    let subject = Subject {
        source: &source,
        requests: args.requests(project.as_ref())?,
        limits: args.limits.limits()?,
        runs: args.runs as usize,
        is_optimized: args.optimized,
    };
    let costs = measuring::measure(&subject)?;
    let tolerances = Tolerances { percent: args.tolerance, slowdown: args.max_slowdown };
    let comparison = baseline.map(|baseline| Comparison::new(&baseline, &costs, tolerances)).transpose()?;
    if let Some(path) = &args.save {
        measuring::write(path, &costs)?;
    }
    let exit = if comparison.as_ref().is_some_and(Comparison::is_worse) { Exit::CostsMore } else { Exit::Success };
    let text = if args.json {
        output::json_line(&Answer { costs: &costs, comparison: comparison.as_ref() })?
    } else {
        costs.to_string() + &comparison.map(|comparison| comparison.to_string()).unwrap_or_default()
    };
    Ok(Output { text, exit })
}

impl BenchArgs {
    /// The plugin, and the project whose release build it is.
    fn source(&self) -> Result<(PluginSource, Option<Project>)> {
        let folder = match &self.target {
            PluginSource::File(path) if !path.is_file() => path,
            plugin => return Ok((plugin.clone(), None)),
        };
        let project = Project::open(folder)?;
        let component = project.component(Profile::Release);
        let modified = component.metadata().and_then(|metadata| metadata.modified());
        let Ok(built) = modified else {
            anyhow::bail!("`{}` does not exist; run `guardhouse build --release`", component.display());
        };
        if newest(&project).changed > built {
            note(&"a source is newer than the release build that is measured; run `guardhouse build --release`");
        }
        let shown = component.strip_prefix(project.folder()).map(|path| folder.join(path)).unwrap_or(component);
        let shown = shown.strip_prefix(".").map(Path::to_owned).unwrap_or(shown);
        Ok((PluginSource::File(shown), Some(project)))
    }

    fn requests(&self, project: Option<&Project>) -> Result<Vec<Request>> {
        let of_project = project.map(|project| project.folder().join(CASES)).filter(|cases| cases.exists());
        let cases = self.cases.clone().or(of_project.filter(|_| self.context.is_none()));
        if let Some(path) = cases {
            ensure!(
                self.settings.is_none(),
                "the cases in `{}` have settings of their own; with `--settings`, give `--context` too",
                path.display()
            );
            return requests_of(&path);
        }
        let settings = self
            .settings
            .as_ref()
            .map(|settings| settings.parse("the settings", self.limits.limits()?.settings_bytes, Json::from_slice));
        let context = match &self.context {
            Some(context) => context.parse("the context", AuthContext::MAX_BYTES, AuthContext::from_slice)?,
            None => {
                note(
                    &"the request that is measured is a call of the tool `example` without a token; `--context` or `--cases` gives others",
                );
                AuthContext::new(Component::tool("example"))
                    .with_action("tools/call")
                    .with_arguments(serde_json::json!({}))
            }
        };
        Ok(vec![Request { name: "the context".to_owned(), context, settings: settings.transpose()? }])
    }
}

/// The requests of a file of cases, without those for which the plugin must fail.
fn requests_of(path: &Path) -> Result<Vec<Request>> {
    let file = CaseFile::read(path)?;
    let measured: Vec<_> = file.cases.iter().filter(|case| case.outcome != ExpectedOutcome::Failed).collect();
    let left_out = file.cases.len() - measured.len();
    if left_out > 0 {
        note(&format!("cases left out, because their outcome is `failed`: {left_out}"));
    }
    ensure!(!measured.is_empty(), "every case in `{}` has the outcome `failed`", path.display());
    let request = |case: &crate::cases::Case| Request {
        name: case.name.clone(),
        context: case.context.clone(),
        settings: file.config(case).settings,
    };
    Ok(measured.into_iter().map(request).collect())
}

fn parse_percent(text: &str) -> Result<f64, String> {
    parse_from(text, 0.0).context("it must be a number from 0 to 1000000").map_err(|error| error.to_string())
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    parse_from(text, 1.0).context("it must be a number from 1 to 1000000").map_err(|error| error.to_string())
}

fn parse_from(text: &str, least: f64) -> Option<f64> {
    text.parse().ok().filter(|number| (least..=1e6).contains(number))
}
