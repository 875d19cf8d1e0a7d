//! The description of one language.

use std::path::Path;

use anyhow::Result;

use super::registry::Registry;
use crate::build_environment::BuildEnvironment;
use crate::profile::Profile;

/// A faster way to build a project for development. The result is a component, or none if the project must be built as for a
/// server.
pub(super) type Develop = fn(&Path, &BuildEnvironment<'_>) -> Result<Option<Vec<u8>>>;

/// Everything that is particular to one language.
#[derive(Debug)]
pub(super) struct Spec {
    /// The name of the language, as people write it.
    pub(super) label: &'static str,
    /// The word for the language on the command line, which is also the name of its folder in
    /// `plugins/spending-limit/`.
    pub(super) word: &'static str,
    /// Other words for the language on the command line.
    pub(super) aliases: &'static [&'static str],
    /// The name of its SDK's folder in `guest-sdk/`.
    pub(super) sdk: &'static str,
    /// The file that makes a folder a project of this language.
    pub(super) marker: &'static str,
    /// The word of another language whose marker a project of this language has as well.
    pub(super) dialect_of: Option<&'static str>,
    /// The file that has the name of the project.
    pub(super) manifest: &'static str,
    /// Reads the name of the project from the text of its manifest.
    pub(super) name: fn(&str) -> Result<String>,
    /// Rejects names that the other languages accept. The error says which name is accepted.
    pub(super) check_name: Option<fn(&str) -> Result<()>>,
    /// Computes the text in a project that depends on its name, given as an identifier.
    pub(super) fingerprint: Option<fn(&str) -> String>,
    /// The registry that has the SDK; none if every project has a copy of it.
    pub(super) registry: Option<Registry>,
    /// The command after a change of the SDK's copy; none if the tools of the language read it at each build.
    pub(super) update: Option<&'static str>,
    /// The faster way to build a project for development, if there is one.
    pub(super) develop: Option<Develop>,
    /// How the source exports its check, as the end of an error about a plugin that does not.
    pub(super) export: &'static str,
    /// Whether the compiler puts a stack of LLVM into the module.
    pub(super) has_llvm_stack: bool,
    /// Builds the project in a folder. The result is a core module or a component.
    pub(super) build: fn(&Path, Profile) -> Result<Vec<u8>>,
}
