//! Development builds of Python projects: the author's modules are imported into a runtime that was made before.
//!
//! `guardhouse_sdk._guest.prepared` is the other side.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::driver::{run_driver_with, run_plan};
use super::python::driver;
use crate::contract;
use crate::merge::merge;
use crate::runtimes::Runtime;
use crate::version::VERSION;
use crate::workshop::{Documents, Workshop};

/// The driver's plan of a development build.
#[derive(Deserialize)]
struct Plan {
    /// The reason why no runtime can be used.
    unsupported: Option<String>,
    /// Everything that the runtime is made from, as text.
    #[serde(default)]
    runtime: String,
    /// The document of the request that prepares the runtime.
    attributes: Option<Box<RawValue>>,
}

/// The message with which a runtime denies, if it could not import the modules.
#[derive(Deserialize)]
struct Refusal {
    /// An operation that only another build can do.
    missing: Option<String>,
    /// The lines of a traceback that are the author's.
    error: Option<String>,
}

/// Builds the project in a folder. Returns none if it must be built as for a server.
pub(super) fn develop(folder: &Path, workshop: &Workshop<'_>) -> Result<Option<Vec<u8>>> {
    let plan = run_plan(driver(folder)?)?;
    let plan: Plan = serde_json::from_slice(&plan).context("cannot read the plan of the build")?;
    let other = |reason: &str| {
        (workshop.note)(&format!("this build takes longer, because no prepared runtime can be used: {reason}"));
        Ok(None)
    };
    let attributes = match (plan.attributes, plan.unsupported) {
        (Some(attributes), None) => attributes,
        (_, reason) => return other(&reason.unwrap_or_default()),
    };
    let recipe = format!("guardhouse {VERSION} {} {}", contract::digest(), plan.runtime);
    let runtime = match Runtime::find(&workshop.runtimes, &recipe) {
        Some(runtime) => runtime,
        None => make(folder, workshop, &recipe)?,
    };
    let documents = Documents { library: &runtime.library, project: attributes.get().as_bytes() };
    let refusal = match (workshop.prepare)(&runtime.component, &documents) {
        Ok(Ok(component)) => return Ok(Some(component)),
        Ok(Err(refusal)) => refusal,
        Err(error) => return other(&format!("{error:#}")),
    };
    let Refusal { missing, error } = serde_json::from_str(&refusal).context("cannot read the answer of the runtime")?;
    match missing {
        Some(missing) => other(&format!("the modules use {missing} while they are imported")),
        None => bail!("the plugin cannot be imported:\n{}", error.unwrap_or_default()),
    }
}

/// Makes a runtime, and keeps it for the next build.
fn make(folder: &Path, workshop: &Workshop<'_>, recipe: &str) -> Result<Runtime> {
    (workshop.note)("the runtime of development builds is made, once for this version of the SDK");
    let (component, library) = run_driver_with(driver(folder)?, "--library")?;
    let runtime = Runtime { component: merge(&component)?, library };
    if let Err(error) = runtime.keep(&workshop.runtimes, recipe) {
        (workshop.note)(&format!("it is made again for the next build: {error:#}"));
    }
    Ok(runtime)
}
