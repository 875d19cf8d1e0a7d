//! Merges the core modules of a plugin that was linked from shared libraries: the engine of its language, the standard
//! library, and a main module with the memory and the table that they share.
//!
//! One module is instantiated faster than many. The runtime knows the contents of a table that its own module fills and
//! need not fill it for each instance, and a call from library to library becomes a direct call.
//!
//! The instances that can be made without the host's functions are merged. The last instance is not merged: it writes
//! the host's functions into the table, and these are lowered with the memory, which must exist first.

mod encode;
mod rewrite;

mod graph;
mod members;
mod merged;
mod stubs;

mod constant;
mod index_map;
mod kept;
mod kind;
mod live;
mod renumber;
mod top_level;

use anyhow::{Context, Result};

use graph::Graph;
use merged::Merged;

/// Merges the libraries of a plugin into one module. A plugin without shared libraries is returned as it is.
///
/// # Errors
///
/// `component` is not a component, or its modules are linked in a way that linkers of shared libraries do not use.
pub fn merge(component: &[u8]) -> Result<Vec<u8>> {
    let sorted = stubs::sorted(component)?;
    let graph = Graph::read(&sorted)?;
    let members = members::of(&graph)?;
    if !members::are_linked(&graph, &members)? {
        return Ok(component.to_vec());
    }
    let merged = Merged::new(&graph, &members)?;
    rewrite::rewrite(&sorted, &graph, &merged).context("its modules cannot be merged")
}

#[cfg(test)]
mod tests;
