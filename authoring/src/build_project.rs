//! `guardhouse build`: from the source of a plugin to its component.

use std::fs;

use anyhow::{Context, Result, ensure};
use wasmparser::Parser;

use crate::build_environment::BuildEnvironment;
use crate::componentize::{componentize, exports_check};
use crate::core_module::{check_stack, without_debug_sections};
use crate::languages::Language;
use crate::merge::merge;
use crate::metadata::add_metadata;
use crate::origin::{Origin, Sources};
use crate::profile::Profile;
use crate::project::Project;
use crate::settings_schema;

/// Builds `project` with the tools of its language and writes the component to [`Project::component`]. The component of
/// an earlier build of this profile is removed first, so that it cannot pass for the result of a build that fails.
///
/// # Errors
///
/// A tool is missing (the error has the command that installs it) or fails (its output was shown), or its result is
/// not a plugin.
pub fn build(project: &Project, profile: Profile) -> Result<()> {
    project.remove_component(profile)?;
    project.write_component(profile, &make_component(project, profile)?)
}

/// Builds `project` with the tools of its language, and returns the component. Files of the build that are not the
/// component are left in the folder of the project, and nothing else is.
///
/// # Errors
///
/// As for [`build`].
pub fn make_component(project: &Project, profile: Profile) -> Result<Vec<u8>> {
    verify(project)?;
    // Tools write their own files there too.
    if let Some(folder) = project.component(profile).parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    // A file that is changed while the tools run may be in the component, or not.
    let sources = Sources::read(project).ok();
    let (name, language) = (project.name(), project.language());
    let built = language.build(project.folder(), profile).with_context(|| format!("cannot build `{name}`"))?;
    let component = if Parser::is_component(&built) { built } else { component_of(&built, language)? };
    let component = add_metadata(&merge(&component)?, name, Some(language))?;
    Origin::of_build(project, sources).add_to(component)
}

/// Looks for the faults of `project` that are known without a build: [`make_component`] does this first. The compilers
/// and drivers of the languages report the faults of the source itself.
///
/// # Errors
///
/// A file of the project has such a fault. The error names the file, the line, and how to mend it.
pub fn verify(project: &Project) -> Result<()> {
    settings_schema::verify(project.folder()).with_context(|| format!("cannot build `{}`", project.name()))
}

/// Builds `project` for development like [`make_component`], but faster, if its language has a way to use `environment`.
///
/// # Errors
///
/// As for [`build`].
pub fn make_development_component(project: &Project, environment: &BuildEnvironment<'_>) -> Result<Vec<u8>> {
    verify(project)?;
    let (name, language) = (project.name(), project.language());
    let built = language.develop(project.folder(), environment).with_context(|| format!("cannot build `{name}`"))?;
    match built {
        Some(component) => add_metadata(&component, name, Some(language)),
        None => make_component(project, Profile::Development),
    }
}

/// Makes a component of the core module that a compiler made.
fn component_of(module: &[u8], language: Language) -> Result<Vec<u8>> {
    if language.has_llvm_stack() {
        check_stack(module)?;
    }
    ensure!(exports_check(module)?, "the plugin exports no check: {}", language.export());
    componentize(&without_debug_sections(module)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_without_a_check_is_told_how_its_language_exports_one() {
        let module = wat::parse_str("(module (memory 1) (func (export \"other\")))").unwrap();
        for language in Language::all() {
            let error = component_of(&module, language).unwrap_err().to_string();
            assert_eq!(error, format!("the plugin exports no check: {}", language.export()));
        }
    }

    #[test]
    fn a_fault_of_the_schema_is_told_before_any_tool_is_started() {
        let folder = tempfile::tempdir().unwrap();
        // Tools would be missing, or fail: the folder has nothing else.
        fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
        fs::write(folder.path().join("settings.schema.json"), "{\n  \"type\": \"objekt\"\n}\n").unwrap();
        let project = Project::open(folder.path()).unwrap();
        for profile in [Profile::Development, Profile::Release] {
            let error = format!("{:#}", make_component(&project, profile).unwrap_err());
            let start =
                "cannot build `my-check`: settings.schema.json:2:11: at `/type`: `objekt` is not a type; use one of";
            assert!(error.starts_with(start), "{error}");
        }
        assert!(!folder.path().join("build").exists(), "a build was begun");
    }

    #[test]
    fn a_stack_above_data_is_rejected_in_the_languages_that_have_one() {
        let text = "(module (memory 3) (global (mut i32) (i32.const 66576)) (data (i32.const 1024) \"x\"))";
        let module = wat::parse_str(text).unwrap();
        let rejects =
            |language: &Language| component_of(&module, *language).unwrap_err().to_string().contains("--stack-first");
        let rejecting: Vec<&str> = Language::all().filter(rejects).map(Language::word).collect();
        assert_eq!(rejecting, ["rust", "c", "zig"]);
    }
}
