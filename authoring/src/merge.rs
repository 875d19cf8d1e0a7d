//! Merges the modules of a plugin that a linker of shared libraries made: the engine of a language, its standard
//! library, and a main module with the memory and the table that they share.
//!
//! An instance of one module starts faster than instances of many. The runtime knows the contents of a table that its
//! own module fills, and need not fill it; a call from library to library is a call like any other.
//!
//! What is merged is what can be instantiated at once: everything but the last of them, which fills in the functions
//! of the host, because these need a memory that is there already.

mod encode;
mod graph;
mod members;
mod module;
mod places;
mod rewrite;

use anyhow::{Context, Result};

use graph::Graph;
use module::Merged;

/// The plugin with its libraries in one module, or as it is if it has none.
///
/// # Errors
///
/// It is no component, or its modules hang together in a way that linkers do not make.
pub fn merge(component: &[u8]) -> Result<Vec<u8>> {
    let graph = Graph::read(component)?;
    let members = members::of(&graph)?;
    if !members::are_linked(&graph, &members)? {
        return Ok(component.to_vec());
    }
    let merged = Merged::new(&graph, &members)?;
    rewrite::rewrite(component, &graph, &merged).context("its modules cannot be merged")
}
