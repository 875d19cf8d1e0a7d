//! `guardhouse test`

use std::path::PathBuf;

use anyhow::{Error, Result, bail, ensure};
use clap::{Args, ValueEnum, ValueHint};
use guardhouse::{Host, Limits};
use guardhouse_authoring::Profile;

use crate::cases::{Case, CaseFile, accept};
use crate::color::Color;
use crate::exit::Exit;
use crate::host_options::HostOptions;
use crate::interrupt::{self, Interrupted};
use crate::limit_options::LimitOptions;
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::source::PluginSource;
use crate::testing::{Counts, Junit, Order, Plan, Report, Target, Tested, note_odd_words, run_cases, watch};
use crate::{failure, text};

/// Build plugins, and run their cases
///
/// Each project is built first, as `guardhouse build` does, so that the plugin is the one in the editor; if the build
/// fails, nothing is tested. Each case is a request and the outcome that the plugin must have, as `check --explain`
/// prints it. A case passes if its outcome and its message match, and everything else that it specifies.
#[derive(Debug, Args)]
#[command(after_help = "\
A file of cases:
  {
    \"settings\": {\"scopes\": [\"read\"]},
    \"cases\": [
      {\"name\": \"nobody without a token\",
       \"context\": {\"component\": {\"kind\": \"tool\", \"name\": \"search\"}, \"now\": \"2026-11-27T09:30:00Z\"},
       \"outcome\": \"denied\"}
    ]
  }
The outcome is `allow`, `denied`, `denied-with-message`, `failed`, or `deny` for every denial.
A case may have `settings` of its own; a `message`, as text or as {\"matches\": \"PATTERN\"};
the `missing_scopes`; the `cause` of a failure; and `logs`: texts that the plugin's output must
contain. `guardhouse schema cases` prints the schema of the file, for editors.

Exit codes:
  0  every case passes
  1  the command failed, or a plugin was not built
  2  a case fails
  128+N  ended by signal N: 130 after Ctrl-C

Examples:
  guardhouse test
  guardhouse test --watch --filter token
  guardhouse test checks/* --junit report.xml
  guardhouse test --no-build --release
  guardhouse test ./tenant.wasm --cases tenant-cases.json")]
pub(crate) struct TestArgs {
    /// The folders of projects, or plugins to test instead: the path of a component, or `builtin:NAME`
    #[arg(default_value = ".", value_name = "FOLDER|PLUGIN", value_parser = PluginSource::parser())]
    #[arg(value_hint = ValueHint::AnyPath)]
    targets: Vec<PluginSource>,

    /// Run only the cases whose name contains this text; may be repeated
    #[arg(long = "filter", value_name = "TEXT")]
    filters: Vec<String>,

    /// Run again after each change of a source or of the cases, until Ctrl-C
    #[arg(long, conflicts_with = "accept")]
    watch: bool,

    /// Write the answers into the failing cases of the file, and print what was changed
    #[arg(long, conflicts_with_all = ["no_build", "junit"])]
    accept: bool,

    /// Build for a server, as `guardhouse build --release` does, and test that; the component stays in `build/candidate`
    #[arg(long)]
    release: bool,

    /// Test the component of the last build, and say how old it is
    #[arg(long)]
    no_build: bool,

    /// The compiler of the machine code. `baseline` is ready sooner; its answers are the same
    #[arg(long, value_enum, default_value_t = Compiler::Baseline)]
    compiler: Compiler,

    /// A plugin to test instead of the project's own: the path of a component, or `builtin:NAME`
    #[arg(long, conflicts_with = "no_build", value_name = "PLUGIN", value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugin: Option<PluginSource>,

    /// A file of cases to run instead of the project's `cases.json`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cases: Option<PathBuf>,

    /// Print the failing cases before the others
    #[arg(long, conflicts_with = "json")]
    failures_first: bool,

    /// Print the report as JSON, on one line. `guardhouse schema test-report` describes it
    #[arg(long)]
    json: bool,

    /// Write the report to this file too, in the XML format of JUnit
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,

    /// When the text has colors
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    host: HostOptions,
}

/// The largest number of names in an error.
const MAX_NAMES: usize = 10;

/// The compiler of the machine code that is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compiler {
    /// Baseline code of a large plugin, unless its optimized code is in the cache
    Baseline,
    /// Optimized code, as servers run it
    Optimizing,
}

pub(crate) fn run(args: &TestArgs) -> Result<Output> {
    args.check()?;
    interrupt::watch()?;
    let mut tests = Tests::new(args)?;
    if !args.watch {
        return tests.run();
    }
    watch(&mut tests, Tests::state, |tests| {
        match tests.run() {
            Ok(Output { text, .. }) => output::print(&text)?,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => failure::print(&error),
        }
        Ok(())
    })?;
    bail!("nothing is watched any more")
}

impl TestArgs {
    /// Checks options that depend on each other.
    fn check(&self) -> Result<()> {
        let plugin = self.targets.iter().find(|target| !target.is_folder());
        if let Some(plugin) = plugin {
            ensure!(self.plugin.is_none(), "two plugins are given; give one, or a folder and `--plugin`");
            ensure!(
                !self.no_build,
                "`--no-build` is for the folder of a project: a plugin is not built, and `{plugin}` is one"
            );
        }
        let is_plugin = plugin.is_some() || self.plugin.is_some();
        ensure!(!self.release || !is_plugin, "`--release` is for the folder of a project: a plugin is not built");
        let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
        ensure!(
            !self.accept || !is_ci,
            "`--accept` changes what is expected, and the variable `CI` says that nobody looks at the change; accept it on \
             your machine, and commit the file of cases"
        );
        Ok(())
    }

    /// Whether a case is run.
    fn selects(&self, case: &Case) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|text| case.name.contains(text))
    }

    /// A filter that selects nothing anywhere is a mistake.
    fn check_filters(&self, files: &[Result<CaseFile>]) -> Result<()> {
        let cases = || files.iter().flatten().flat_map(|file| &file.cases);
        // A file that cannot be read has an error of its own.
        if files.iter().any(Result::is_err) || cases().any(|case| self.selects(case)) {
            return Ok(());
        }
        let names: Vec<String> = cases().take(MAX_NAMES).map(|case| case.name.clone()).collect();
        let others = cases().count().saturating_sub(names.len());
        let others = if others > 0 { format!(", and {others} more") } else { String::new() };
        bail!("no case has {} in its name; the cases are {}{others}", text::quoted(&self.filters), text::quoted(&names))
    }

    /// Tests one target.
    fn test(&self, host: &Host, limits: &Limits, target: &mut Target, file: &CaseFile) -> Result<Tested> {
        let selected = file.cases.iter().filter(|case| self.selects(case)).count();
        let filtered_out = file.cases.len() - selected;
        let (name, path) = (target.name(), file.path().display().to_string());
        if selected == 0 {
            let counts = Counts { filtered_out, ..Counts::default() };
            return Ok(Tested {
                name,
                file: path,
                component: None,
                counts,
                error: None,
                cases: vec![],
                accepted: vec![],
            });
        }
        note_odd_words(&file.cases);
        let plugin = target.plugin(host, self.plan())?;
        let cases = {
            let _progress = Progress::start(format!("testing {name}"));
            run_cases(&plugin, limits, file, |case| self.selects(case))?
        };
        let failing = cases.iter().filter(|case| !case.passed);
        let answers: Vec<_> = failing.map(|case| (case.index, &case.answer)).collect();
        let accepted = if self.accept { accept(file, &answers)? } else { Vec::new() };
        let component = target.component(&plugin, self.plan());
        let counts = Counts::of(&cases, filtered_out);
        Ok(Tested { name, file: path, component, counts, error: None, cases, accepted })
    }

    fn plan(&self) -> Plan {
        let profile = if self.release { Profile::Release } else { Profile::Development };
        if self.no_build { Plan::Last(profile) } else { Plan::Build(profile) }
    }
}

/// The tests of one command, which can run more than once.
struct Tests<'a> {
    args: &'a TestArgs,
    host: Host,
    limits: Limits,
    junit: Option<Junit>,
    targets: Vec<Target>,
}

impl<'a> Tests<'a> {
    fn new(args: &'a TestArgs) -> Result<Self> {
        let target = |argument| Target::new(argument, args.plugin.as_ref(), args.cases.as_deref());
        let targets: Vec<Target> = args.targets.iter().map(target).collect::<Result<_>>()?;
        let mut files: Vec<_> = targets.iter().filter_map(|target| target.cases.canonicalize().ok()).collect();
        files.sort();
        let is_shared = files.windows(2).any(|pair| matches!(pair, [first, second] if first == second));
        ensure!(
            !args.accept || !is_shared,
            "`--accept` needs one target for each file of cases, and one file is used twice"
        );
        let host = match args.compiler {
            Compiler::Baseline => args.host.host()?,
            Compiler::Optimizing => args.host.optimizing_host()?,
        };
        let junit = args.junit.as_deref().map(Junit::prepare).transpose()?;
        Ok(Self { args, host, limits: args.limits.limits()?, junit, targets })
    }

    /// A number that changes with everything that the tests depend on.
    fn state(&self) -> u64 {
        let plan = self.args.plan();
        self.targets.iter().fold(0, |state: u64, target| state.rotate_left(1) ^ target.state(plan))
    }

    /// Runs all tests once. An error of one target does not end the tests of the others.
    fn run(&mut self) -> Result<Output> {
        let files: Vec<Result<CaseFile>> = self.targets.iter().map(|target| CaseFile::read(&target.cases)).collect();
        self.args.check_filters(&files)?;
        let is_alone = self.targets.len() == 1;
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        let Self { args, host, limits, targets, .. } = &mut *self;
        for (target, file) in targets.iter_mut().zip(files) {
            let tested = file.and_then(|file| args.test(host, limits, target, &file));
            all.push(match tested {
                Ok(tested) => tested,
                Err(error) if error.is::<Interrupted>() => return Err(error),
                Err(error) => {
                    let tested = not_tested(target, &error);
                    errors.push(if is_alone { error } else { error.context(tested.name.clone()) });
                    tested
                }
            });
        }
        self.output(&Report::new(all), errors)
    }

    fn output(&self, report: &Report, mut errors: Vec<Error>) -> Result<Output> {
        if let Some(junit) = &self.junit {
            junit.write(report)?;
        }
        let exit = match (errors.is_empty(), report.passes()) {
            (false, _) => Exit::Failure,
            (true, true) => Exit::Success,
            (true, false) => Exit::CaseFailed,
        };
        if self.targets.len() == 1
            && !self.args.json
            && let Some(error) = errors.pop()
        {
            return Err(error);
        }
        errors.iter().for_each(failure::print);
        let text = if self.args.json {
            output::json_line(report)?
        } else {
            let order = if self.args.failures_first { Order::FailuresFirst } else { Order::File };
            report.text(self.args.color.palette(), order)
        };
        Ok(Output { text, exit })
    }
}

/// The part of a report about a target that could not be tested.
fn not_tested(target: &Target, error: &Error) -> Tested {
    Tested {
        name: target.name(),
        file: target.cases.display().to_string(),
        component: None,
        counts: Counts::default(),
        error: Some(failure::text(error)),
        cases: Vec::new(),
        accepted: Vec::new(),
    }
}
