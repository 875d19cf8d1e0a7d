//! `guardhouse build`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use guardhouse::Host;
use guardhouse_authoring::{CASES, Profile, Project};

use crate::building;
use crate::cases::CaseFile;
use crate::color::Palette;
use crate::exit::Exit;
use crate::host_options::HostOptions;
use crate::inspection::Inspection;
use crate::limit_options::LimitOptions;
use crate::notes::note;
use crate::output::Output;
use crate::progress::Progress;
use crate::source::PluginSource;
use crate::testing::{case_lines, note_odd_words, run_cases, shown};

/// Build a plugin from its source
///
/// Detects the language of the project, runs its tools, makes a component of their output, and loads it as a host
/// does. Prints a summary of what `inspect` prints. If the build fails, the component of an earlier one is not kept.
///
/// A development build is for `guardhouse test`, and is written to `build/development`. A build for servers (`--release`)
/// is compiled with the optimizing compiler and must pass the cases of the project; only then is it written to
/// `build/NAME.wasm`, from which servers load it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the plugin was built, and loads; with `--release`, it passes every case
  1  the plugin was not built
  2  the plugin was built, but does not load; with `--release`, or fails a case
  128+N  ended by signal N: 130 after Ctrl-C

Examples:
  guardhouse build
  guardhouse build --release")]
pub(crate) struct BuildArgs {
    /// The folder of the project
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// Build the plugin for a server, test it, and write it to `build/NAME.wasm` if it passes
    #[arg(long)]
    release: bool,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &BuildArgs) -> Result<Output> {
    let project = Project::open(&args.folder)?;
    if args.release { release(args, &project) } else { development(args, &project) }
}

fn development(args: &BuildArgs, project: &Project) -> Result<Output> {
    building::build(project)?;
    let component = project.component(Profile::Development);
    let [written, release] =
        [&component, &project.component(Profile::Release)].map(|path| shown(&args.folder, project, path));
    let inspection = inspect(component, project, &args.host.host()?)?.named(&written);
    let mut text = inspection.summary();
    let _ = writeln!(
        text,
        "\nThis is a development build, for `guardhouse test`: `{written}`.\n\
         Servers load the one that `guardhouse build --release` writes: `{release}`."
    );
    Ok(Output { text, exit: inspection.exit() })
}

/// Builds a candidate, and makes it the release if it passes the cases.
fn release(args: &BuildArgs, project: &Project) -> Result<Output> {
    // An old release does not pass for the new one, whatever happens.
    project.remove_component(Profile::Release)?;
    let file = args.folder.join(CASES);
    // A link that leads nowhere is a mistake, and not a project without cases.
    let has_cases = file.symlink_metadata().is_ok();
    let cases = has_cases.then(|| CaseFile::read(&file)).transpose().context("nothing was built")?;
    if let Some(file) = &cases {
        note_odd_words(&file.cases);
    }
    let candidate = building::build_candidate(project)?;
    let [written, kept] =
        [&project.component(Profile::Release), candidate.path()].map(|path: &Path| shown(&args.folder, project, path));
    let host = args.host.optimizing_host()?;
    let inspection = inspect(candidate.path().to_owned(), project, &host)?;
    if inspection.exit() != Exit::Success {
        let text = inspection.named(&kept).summary() + &format!("\n`{written}` was not written.\n");
        return Ok(Output { text, exit: Exit::DoesNotLoad });
    }
    let failing = match &cases {
        None => {
            note(&format!("`{}` does not exist, so no answer was compared", file.display()));
            Vec::new()
        }
        Some(cases) => {
            let plugin = PluginSource::File(candidate.path().to_owned()).load(&host)?;
            let _progress = Progress::start(format!("testing {}", project.name()));
            let tested = run_cases(&plugin, &args.limits.limits()?, cases, |_| true);
            let tested = tested.with_context(|| format!("`{written}` was not written"))?;
            tested.into_iter().filter(|case| !case.passed).collect()
        }
    };
    if !failing.is_empty() {
        let mut text: String = failing.iter().map(|case| case_lines(case, Palette::PLAIN)).collect();
        let _ = writeln!(text, "{}, optimizing compiler", counted(cases.as_ref(), failing.len()));
        let _ = writeln!(text, "`{written}` was not written, because a case fails; the component is `{kept}`.");
        return Ok(Output { text, exit: Exit::CaseFailed });
    }
    candidate.release(project)?;
    let mut text = inspection.named(&written).summary();
    let _ = writeln!(
        text,
        "cases       {}\n\nThis is the build for servers: `{written}`.\n\
         Next: `guardhouse check --plugin {written} --context CONTEXT` decides a request with it, and `guardhouse new-policy` \
         writes a policy that names plugins.",
        counted(cases.as_ref(), 0)
    );
    Ok(Output::success(text))
}

/// The numbers of the cases.
fn counted(file: Option<&CaseFile>, failed: usize) -> String {
    let Some(file) = file else { return "none".to_owned() };
    format!("{} passed, {failed} failed", file.cases.len() - failed)
}

/// Describes a component that was just built.
fn inspect(component: PathBuf, project: &Project, host: &Host) -> Result<Inspection> {
    let _progress = Progress::start(format!("loading {}", project.name()));
    Inspection::new(&PluginSource::File(component), host)
}
