//! Builds: each runs in a process of its own, so that it leaves nothing behind when it is interrupted.

mod candidate;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use guardhouse_authoring::{Profile, Project, make_component};
use rustix::process::{Signal, set_parent_process_death_signal, setsid};

pub(crate) use self::candidate::Candidate;
use crate::color::Color;
use crate::development;
use crate::interrupt;
use crate::progress::{self, Progress};
use crate::text::escaped;

/// The argument with which this program starts itself to build a project. The profile, the folder of the project and the
/// path of the component follow.
pub(crate) const BUILD: &str = "build-component";

/// The name of the component in the temporary folder.
const COMPONENT: &str = "component.wasm";

/// Builds a project for development. The component of an earlier build is removed first, and temporary files are removed
/// at the end.
pub(crate) fn build(project: &Project) -> Result<()> {
    let profile = Profile::Development;
    make(
        project,
        profile,
        || project.remove_component(profile),
        |component| project.write_component(profile, component),
    )
}

/// Builds a project for servers, as [`Candidate`]: no server loads it before it was tested.
pub(crate) fn build_candidate(project: &Project) -> Result<Candidate> {
    let candidate = Candidate::of(project);
    make(project, Profile::Release, || candidate.remove(), |component| candidate.write(component))?;
    Ok(candidate)
}

fn make(
    project: &Project,
    profile: Profile,
    remove: impl Fn() -> Result<()>,
    write: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<()> {
    interrupt::watch()?;
    let _progress = Progress::start(format!("building {}", project.name()));
    let built = interrupt::with_files(|| {
        remove()?;
        write(&component(project, profile)?)
    });
    if built.is_err() {
        remove()?;
    }
    built
}

/// Makes a component in a temporary folder, and reads it.
fn component(project: &Project, profile: Profile) -> Result<Vec<u8>> {
    let folder = tempfile::Builder::new().prefix("guardhouse-build-").tempdir_in(temporary_folder());
    let folder = folder.context("cannot create a temporary folder")?;
    let built = run(project, profile, folder.path());
    let closed = folder.close().context("cannot remove the temporary folder");
    let component = built?;
    closed?;
    Ok(component)
}

fn run(project: &Project, profile: Profile, folder: &Path) -> Result<Vec<u8>> {
    let (component, temporary) = (folder.join(COMPONENT), folder.join("tmp"));
    fs::create_dir(&temporary).context("cannot create a temporary folder")?;
    let program = std::env::current_exe().context("cannot find this program to start it as a builder")?;
    let mut command = Command::new(program);
    command.arg(BUILD).arg(word(profile)).arg(project.folder()).arg(&component);
    // The tools of the languages make their temporary files there too.
    command.env("TMPDIR", &temporary).stdin(Stdio::null());
    if progress::is_shown() {
        // Their lines and that of the progress share the terminal.
        command.stderr(Stdio::piped());
        if Color::is_wanted() {
            command.env("CARGO_TERM_COLOR", "always");
        }
    }
    let (status, answer) = interrupt::run(&mut command)?;
    // After a signal, this result is not used.
    if status.success() {
        return fs::read(&component).context("the build wrote no component");
    }
    ensure!(!answer.is_empty(), "the process of the build ended with {status}");
    bail!("{}", String::from_utf8_lossy(&answer))
}

/// The word for a profile among the arguments of the process of a build.
fn word(profile: Profile) -> &'static str {
    match profile {
        Profile::Development => "development",
        Profile::Release => "release",
    }
}

fn of_word(argument: &OsString) -> Result<Profile> {
    let profiles = [Profile::Development, Profile::Release];
    profiles.into_iter().find(|profile| argument == word(*profile)).context("the profile of the build is unknown")
}

/// The folder for temporary files. An empty variable counts as unset.
fn temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.as_os_str().is_empty() { "/tmp".into() } else { folder }
}

/// The process of a build. Its standard output is the error, if there is one.
pub(crate) fn serve(arguments: &[OsString]) -> ExitCode {
    let made = || -> Result<()> {
        let [profile, folder, component] = arguments else { bail!("`{BUILD}` is called only by this program itself") };
        // A session without a terminal: Ctrl-C does not reach it, and a tool that asks for a password fails.
        setsid().context("cannot make a session")?;
        set_parent_process_death_signal(Some(Signal::KILL)).context("cannot end with the parent process")?;
        let project = Project::open(Path::new(folder))?;
        let made = match of_word(profile)? {
            Profile::Development => development::make(&project)?,
            release @ Profile::Release => make_component(&project, release)?,
        };
        fs::write(component, made).context("cannot write the component")
    };
    match made() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::stdout().write_all(escaped(&format!("{error:#}")).as_bytes());
            ExitCode::FAILURE
        }
    }
}
