//! Development builds: what the tools of authors cannot do themselves, done with a host.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use guardhouse::{AuthContext, Component, Fault, Host, Json, Limits, PrepareError, prepare};
use guardhouse_authoring::{BuildEnvironment, Documents, Profile, Project, make_component, make_development_component};

use crate::cache_folder::CacheFolder;
use crate::host_options::building_host;
use crate::notes::note;
use crate::text::escaped_lines;

/// The time and the processor time in which a runtime imports the modules of a project.
const TIME: Duration = Duration::from_secs(120);

/// The beginning of the names of the functions of WASI in a runtime.
const WASI_IMPORT: &str = "__wasm_import_";

/// Makes the component of a project for development.
pub(crate) fn make(project: &Project) -> Result<Vec<u8>> {
    // Without a cache, each build would make and compile the runtime of the language.
    let Some(cache) = CacheFolder::find(None).filter(|folder| folder.foreign_parent().is_none()) else {
        return make_component(project, Profile::Development);
    };
    let prepare = |component: &[u8], documents: &Documents<'_>| prepared(&building_host(&cache)?, component, documents);
    let show = |text: &str| {
        // The build fails even if nobody can read why.
        let _ = writeln!(std::io::stderr(), "error: {}", escaped_lines(text));
    };
    let note = |text: &str| note(&text);
    let environment = BuildEnvironment { runtimes: cache.runtimes(), prepare: &prepare, note: &note, show: &show };
    make_development_component(project, &environment)
}

fn prepared(host: &Host, component: &[u8], documents: &Documents<'_>) -> Result<Result<Vec<u8>, String>> {
    let read = |text| Json::from_slice(text).context("cannot read a document for the runtime");
    let context = AuthContext::new(Component::new("guardhouse", "build"))
        .with_arguments(read(documents.library)?)
        .with_attributes(read(documents.project)?);
    let limits = Limits {
        configure_deadline: TIME,
        configure_cpu_time: TIME,
        memory_bytes: host.limits().memory_bytes,
        context_bytes: usize::MAX,
        host_call_bytes: 16 << 20,
        message_bytes: 1 << 20,
        ..Limits::default()
    };
    match prepare(host, component, &context, &limits) {
        Ok(prepared) => Ok(Ok(prepared)),
        Err(PrepareError::Refused(message)) => Ok(Err(message)),
        Err(PrepareError::Failed(Fault { detail, backtrace, .. })) => {
            // The function of the host that the runtime lacks.
            let lacking = backtrace.as_deref().and_then(|text| text.split(WASI_IMPORT).nth(1)?.lines().next());
            let lacking = lacking.map_or_else(String::new, |name| format!(", in a call of `{name}`"));
            bail!("{detail}{lacking}")
        }
        Err(error) => bail!(error),
    }
}
