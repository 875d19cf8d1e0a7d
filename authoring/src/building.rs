//! `guardhouse build`: from the source of a plugin to its component.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasm_metadata::{AddMetadata, AddMetadataField};

use crate::componentize::componentize;
use crate::language::Language;
use crate::languages::{c, go, javascript, python, rust, zig};
use crate::project::Project;

/// Builds `project` with the tools of its language, writes the component to [`Project::component`] and returns it.
///
/// # Errors
///
/// A tool is missing (the error holds the command that installs it) or fails (what it printed was shown), or what it
/// makes is no plugin.
pub fn build(project: &Project) -> Result<Vec<u8>> {
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
    let component = if is_component(&built) { built } else { componentize(&built)? };
    let component = describe(&component, project.name(), Some(project.language()))?;
    fs::write(&path, &component).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(component)
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

fn is_component(bytes: &[u8]) -> bool {
    wasmparser::Parser::is_component(bytes)
}

/// What a tool said that it wrote.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("the build left no `{}`", path.display()))?;
    ensure!(!bytes.is_empty(), "the build left `{}` empty", path.display());
    Ok(bytes)
}
