//! What is tested: a project, or a plugin.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use guardhouse::{Host, Plugin};
use guardhouse_authoring::{CASES, Newest, Profile, Project, newest};

use crate::building;
use crate::interrupt::Interrupted;
use crate::notes::note;
use crate::progress::Progress;
use crate::source::PluginSource;
use crate::testing::report::Component;
use crate::testing::run::compiler_of;

/// A project or a plugin, with the cases that it is tested with.
#[derive(Debug)]
pub(crate) struct Target {
    subject: Subject,
    /// The path of the file of cases.
    pub(crate) cases: PathBuf,
    /// What was loaded before, so that what did not change is not loaded again.
    loaded: Option<Loaded>,
}

#[derive(Debug)]
enum Subject {
    Project {
        project: Project,
        /// The folder as it was written on the command line.
        folder: PathBuf,
    },
    Plugin(PluginSource),
}

#[derive(Debug)]
struct Loaded {
    /// The state of the sources before they were built.
    sources: Option<u64>,
    source: PluginSource,
    plugin: Plugin,
}

/// Which component of a project is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Builds for this profile, and tests what was built.
    Build(Profile),
    /// Tests the component of the last build for this profile.
    Last(Profile),
}

impl Plan {
    fn profile(self) -> Profile {
        match self {
            Self::Build(profile) | Self::Last(profile) => profile,
        }
    }
}

impl Target {
    /// The target with this argument: a plugin, or a folder whose cases may be for another plugin than its own.
    pub(crate) fn new(argument: &PluginSource, plugin: Option<&PluginSource>, cases: Option<&Path>) -> Result<Self> {
        let folder = match argument {
            PluginSource::File(path) if argument.is_folder() => Some(path),
            _ => None,
        };
        let here = Path::new(".").join(CASES);
        let own = folder.map_or(here, |folder| folder.join(CASES));
        let subject = match (folder, plugin) {
            (None, _) => Subject::Plugin(argument.clone()),
            (Some(_), Some(plugin)) => Subject::Plugin(plugin.clone()),
            (Some(folder), None) => Subject::Project { project: Project::open(folder)?, folder: folder.clone() },
        };
        Ok(Self { subject, cases: cases.map_or(own, Path::to_owned), loaded: None })
    }

    /// The name of the project, or the plugin as it was written on the command line.
    pub(crate) fn name(&self) -> String {
        match &self.subject {
            Subject::Project { project, .. } => project.name().to_owned(),
            Subject::Plugin(source) => source.to_string(),
        }
    }

    /// The plugin, built as planned and loaded, unless it did not change since it was loaded.
    pub(crate) fn plugin(&mut self, host: &Host, plan: Plan) -> Result<Plugin> {
        let sources = match (&self.subject, plan) {
            (Subject::Project { project, .. }, Plan::Build(_)) => Some(newest(project).state),
            _ => None,
        };
        if let Some(Loaded { plugin, .. }) =
            self.loaded.as_ref().filter(|_| sources.is_some()).filter(|loaded| loaded.sources == sources)
        {
            return Ok(plugin.clone());
        }
        let source = match &self.subject {
            Subject::Project { project, .. } => PluginSource::File(component(project, plan)?),
            Subject::Plugin(source) => source.clone(),
        };
        let _progress = Progress::start(format!("loading {}", self.name()));
        let before = self.loaded.take();
        let plugin = source.load_unless_same(host, before.as_ref().map(|loaded| &loaded.plugin))?;
        self.loaded = Some(Loaded { sources, source, plugin: plugin.clone() });
        Ok(plugin)
    }

    /// The component that was tested, for the report.
    pub(crate) fn component(&self, plugin: &Plugin, plan: Plan) -> Option<Component> {
        let source = &self.loaded.as_ref()?.source;
        let (path, build) = match (&self.subject, source) {
            (Subject::Project { project, folder }, PluginSource::File(path)) => {
                let word = match plan.profile() {
                    Profile::Development => "development",
                    Profile::Release => "release",
                };
                (shown(folder, project, path), Some(word))
            }
            _ => (source.to_string(), None),
        };
        Some(Component { path, build, compiler: compiler_of(plugin), digest: plugin.digest() })
    }

    /// A number that changes when a test could find something else: with the sources, the cases, or the component that
    /// is not built here.
    pub(crate) fn state(&self, plan: Plan) -> u64 {
        let mut hasher = DefaultHasher::new();
        file_state(&self.cases).hash(&mut hasher);
        match (&self.subject, plan) {
            (Subject::Project { project, .. }, Plan::Build(_)) => newest(project).state.hash(&mut hasher),
            (Subject::Project { project, .. }, Plan::Last(profile)) => {
                file_state(&project.component(profile)).hash(&mut hasher);
            }
            (Subject::Plugin(PluginSource::File(path)), _) => file_state(path).hash(&mut hasher),
            (Subject::Plugin(PluginSource::Builtin { .. }), _) => {}
        }
        hasher.finish()
    }
}

/// What changes when a file is written or replaced.
fn file_state(path: &Path) -> Option<(u64, SystemTime, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?, metadata.ino()))
}

/// A path in a project, as it continues the folder on the command line.
pub(crate) fn shown(folder: &Path, project: &Project, path: &Path) -> String {
    let inside = path.strip_prefix(project.folder()).unwrap_or(path);
    let shown = if folder == Path::new(".") { inside.to_owned() } else { folder.join(inside) };
    shown.display().to_string()
}

/// The path of a project's component: built now, or by the last build.
fn component(project: &Project, plan: Plan) -> Result<PathBuf> {
    let built = match plan {
        Plan::Last(profile) => return last(project, profile),
        Plan::Build(Profile::Development) => building::build(project).map(|()| project.component(Profile::Development)),
        Plan::Build(Profile::Release) => building::build_candidate(project).map(|built| built.path().to_owned()),
    };
    built.map_err(|error| {
        // This error is whole.
        if error.is::<Interrupted>() { error } else { error.context("nothing was tested") }
    })
}

fn last(project: &Project, profile: Profile) -> Result<PathBuf> {
    let path = project.component(profile);
    let command = match profile {
        Profile::Development => "guardhouse build",
        Profile::Release => "guardhouse build --release",
    };
    ensure!(path.is_file(), "`{}` does not exist; run `{command}`", path.display());
    note(&age(project, &path)?);
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
