//! Components of the Rust plugins of this workspace.

use std::path::Path;

use anyhow::{Context, Result};
use guardhouse_authoring::{add_metadata, componentize};

use crate::manifest::Manifest;
use crate::root;
use crate::toolchain::{Permission, Toolchain};

/// The stack that `guardhouse build` gives to a plugin, in bytes.
const STACK: usize = 256 << 10;

/// Builds a plugin with the toolchain of the built-in ones and writes it to `path`.
pub(crate) fn write(package: &str, library: &str, path: &Path, permission: Permission) -> Result<()> {
    let recorded = Manifest::read(&root()?.join("host/builtin")).ok().map(|manifest| manifest.toolchain);
    let module = Toolchain::find(recorded.as_deref(), permission)?.build(package, library, STACK)?;
    let component = component(library, &module)?;
    std::fs::write(path, component).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Turns the core module of a plugin into a component.
pub(crate) fn component(name: &str, module: &[u8]) -> Result<Vec<u8>> {
    let component = componentize(module).with_context(|| format!("cannot make a component of `{name}`"))?;
    add_metadata(&component, name, None)
}
