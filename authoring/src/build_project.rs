//! `guardhouse build`: from the source of a plugin to its component.

use std::fs;

use anyhow::{Context, Result};
use wasmparser::Parser;

use crate::componentize::componentize;
use crate::merge::merge;
use crate::metadata::add_metadata;
use crate::project::Project;

/// Builds `project` with the tools of its language and writes the component to [`Project::component`].
///
/// # Errors
///
/// A tool is missing (the error has the command that installs it) or fails (its output was shown), or its result is
/// not a plugin.
pub fn build(project: &Project) -> Result<()> {
    let path = project.component();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    let (name, language) = (project.name(), project.language());
    let built = language.build(project.folder()).with_context(|| format!("cannot build `{name}`"))?;
    let component = if Parser::is_component(&built) { built } else { componentize(&built)? };
    let component = add_metadata(&merge(&component)?, name, Some(language))?;
    fs::write(&path, &component).with_context(|| format!("cannot write `{}`", path.display()))
}
