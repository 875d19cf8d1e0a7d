//! `guardhouse build`: from the source of a plugin to its component.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wasmparser::Parser;

use crate::componentize::componentize;
use crate::contract;
use crate::language::Language;
use crate::languages::{c, go, javascript, python, rust, zig};
use crate::merge::merge;
use crate::project::Project;
use crate::tool::Tool;

/// Builds `project` with the tools of its language and writes the component to [`Project::component`].
///
/// # Errors
///
/// A tool is missing (the error holds the command that installs it) or fails (what it printed was shown), or what it
/// makes is no plugin.
pub fn build(project: &Project) -> Result<()> {
    let path = project.component();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    let built = match project.language() {
        Language::Rust => rust::build(project),
        Language::JavaScript | Language::TypeScript => javascript::build(project),
        Language::Python => python::build(project),
        Language::C => c::build(project),
        Language::Go => go::build(project),
        Language::Zig => zig::build(project),
    };
    let built = built.with_context(|| format!("cannot build `{}`", project.name()))?;
    let component = if Parser::is_component(&built) { built } else { componentize(&built)? };
    let component = describe(&merge(&component)?, project.name(), Some(project.language()))?;
    fs::write(&path, &component).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes into a component what it is called and what it was made with. A compiler may have named the language itself.
///
/// # Errors
///
/// It is no component.
pub fn describe(component: &[u8], name: &str, language: Option<Language>) -> Result<Vec<u8>> {
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(name.to_owned());
    metadata.language = language.map(|language| (language.to_string(), String::new())).into_iter().collect();
    metadata.sdk = vec![("guardhouse-sdk".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    metadata.to_wasm(component).with_context(|| format!("`{name}` takes no metadata"))
}

/// Runs the driver of an SDK, which builds the component itself. It is told where the contract is, and where to write.
pub(crate) fn drive(driver: Tool) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    contract::write(folder.path())?;
    let component = folder.path().join("plugin.wasm");
    let options = [OsStr::new("--wit"), folder.path().as_os_str(), OsStr::new("--out"), component.as_os_str()];
    driver.arguments(options).run()?;
    read(&component)
}

/// What a tool said that it wrote.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("the build left no `{}`", path.display()))?;
    ensure!(!bytes.is_empty(), "the build left `{}` empty", path.display());
    Ok(bytes)
}
