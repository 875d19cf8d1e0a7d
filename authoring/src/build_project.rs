//! `guardhouse build`: from the source of a plugin to its component.

use std::fs;

use anyhow::{Context, Result};
use wasmparser::Parser;

use crate::componentize::componentize;
use crate::merge::merge;
use crate::metadata::add_metadata;
use crate::project::Project;

/// Builds `project` with the tools of its language and writes the component to [`Project::component`]. The component of
/// an earlier build is removed first, so that it cannot pass for the result of a build that fails.
///
/// # Errors
///
/// A tool is missing (the error has the command that installs it) or fails (its output was shown), or its result is
/// not a plugin.
pub fn build(project: &Project) -> Result<()> {
    project.remove_component()?;
    project.write_component(&make_component(project)?)
}

/// Builds `project` with the tools of its language, and returns the component. Files of the build that are not the
/// component are left in the folder of the project, and nothing else is.
///
/// # Errors
///
/// As for [`build`].
pub fn make_component(project: &Project) -> Result<Vec<u8>> {
    // Tools write their own files there too.
    if let Some(folder) = project.component().parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    let (name, language) = (project.name(), project.language());
    let built = language.build(project.folder()).with_context(|| format!("cannot build `{name}`"))?;
    let component = if Parser::is_component(&built) { built } else { componentize(&built)? };
    add_metadata(&merge(&component)?, name, Some(language))
}
