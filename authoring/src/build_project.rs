//! `guardhouse build`: from the source of a plugin to its component.

use std::fs;

use anyhow::{Context, Result, ensure};
use wasmparser::Parser;

use crate::componentize::{componentize, exports_check};
use crate::core_module::{check_stack, without_debug_sections};
use crate::languages::Language;
use crate::merge::merge;
use crate::metadata::add_metadata;
use crate::origin::{Origin, Sources};
use crate::profile::Profile;
use crate::project::Project;

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
    fn a_stack_above_data_is_rejected_in_the_languages_that_have_one() {
        let text = "(module (memory 3) (global (mut i32) (i32.const 66576)) (data (i32.const 1024) \"x\"))";
        let module = wat::parse_str(text).unwrap();
        let rejects =
            |language: &Language| component_of(&module, *language).unwrap_err().to_string().contains("--stack-first");
        let rejecting: Vec<&str> = Language::all().filter(rejects).map(Language::word).collect();
        assert_eq!(rejecting, ["rust", "c", "zig"]);
    }
}
