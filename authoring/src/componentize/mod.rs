//! Turns the core module that a compiler makes into a component.

mod world;

use anyhow::{Context, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::contract;

use world::ModuleNames;

/// The module name under which compilers import WASI preview 1.
const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// Makes a component of a core module.
///
/// A module that does not name its world gets the one that fits its exports and imports. If it imports WASI preview 1,
/// it is linked with an adapter that gives no access to anything outside the plugin.
///
/// # Errors
///
/// `module` is not a core module, does not export a check, or has imports that the contract does not offer.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    let names = ModuleNames::read(module).context("this is not valid WebAssembly")?;
    let mut module = module.to_vec();
    if !names.has_world {
        let (resolve, world) = names.world()?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&module)?;
    if names.imports.iter().any(|name| name == PREVIEW_1) {
        encoder = encoder.adapter(PREVIEW_1, &adapter()?)?;
    }
    encoder.encode()
}

/// Whether a core module exports a check.
///
/// # Errors
///
/// `module` is not a core module.
pub(crate) fn exports_check(module: &[u8]) -> Result<bool> {
    Ok(ModuleNames::read(module).context("this is not valid WebAssembly")?.exports_function("check", "check"))
}

/// The adapter that implements WASI preview 1.
fn adapter() -> Result<Vec<u8>> {
    let mut adapter = wat::parse_str(include_str!("adapter.wat"))?;
    let mut resolve = contract::resolve()?;
    resolve.push_source("exit.wit", "package wasi:cli@0.2.0; interface exit { exit: func(status: result); }")?;
    let world = contract::add_world(
        &mut resolve,
        "package guardhouse:adapter;
         world adapter { import wasi:logging/logging@0.1.0-draft; import wasi:cli/exit@0.2.0; }",
    )?;
    embed_component_metadata(&mut adapter, &resolve, world, StringEncoding::UTF8)?;
    Ok(adapter)
}
