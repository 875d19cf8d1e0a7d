//! From a core module, as a compiler leaves it, to a component.

use anyhow::{Context, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::{contract, world};

/// The name under which compilers import WASI preview 1.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// Wraps a core module in a component.
///
/// A module that does not say for which world it was made is taken to be made for the one that has what it exports. If
/// it imports WASI preview 1, an adapter takes its place that has nothing behind it.
///
/// # Errors
///
/// It is no core module, exports no check, or imports what the contract does not have.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    let names = world::Names::read(module).context("this is no valid WebAssembly")?;
    let mut module = module.to_vec();
    if !names.is_described {
        let (resolve, world) = names.world()?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&module)?;
    if names.imports.iter().any(|name| name == PREVIEW_1) {
        encoder = encoder.adapter(PREVIEW_1, &adapter()?)?;
    }
    encoder.encode()
}

/// What stands in for WASI preview 1.
fn adapter() -> Result<Vec<u8>> {
    let mut adapter = wat::parse_str(include_str!("adapter.wat"))?;
    let mut resolve = contract::resolve()?;
    resolve.push_source("exit.wit", "package wasi:cli@0.2.0; interface exit { exit: func(status: result); }")?;
    let world = contract::push(
        &mut resolve,
        "package guardhouse:adapter;
         world adapter { import wasi:logging/logging@0.1.0-draft; import wasi:cli/exit@0.2.0; }",
    )?;
    embed_component_metadata(&mut adapter, &resolve, world, StringEncoding::UTF8)?;
    Ok(adapter)
}
