//! Images: configured plugins whose instances need not be configured again.
//!
//! An image consists of the plugin's code, compiled once for all images of the plugin, and of the state that
//! `configure` left, which is made in a few milliseconds. Both come from the plugin's component, rewritten, and are
//! validated against the contract and the limits like an untrusted plugin.

mod size;
pub(crate) mod snapshot;
mod split;
mod split_module;

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wasmtime::Module;
use wasmtime::component::Component;

use crate::code::contract;
use crate::code::images::Image;
use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::PluginEngine;
use crate::engine::config::Strategy;
use crate::guest::reason::Reason;
use crate::host::Host;
use crate::image::snapshot::{Recipe, limits_for_instrumented, snapshot};
use crate::image::split::{Split, split, state_name};
use crate::limits::Limits;
use crate::tenant::Tenant;
use crate::util::block_on::block_on;

/// Returns the image of a recipe: the one in memory, the one in the cache, or one that is made now. The error says why
/// there is no image.
pub(crate) fn image(recipe: Recipe<'_>, now: u64) -> Result<Arc<Image>, Reason> {
    let host = recipe.plugin.host();
    let engine = host.toolchain().engines.get(recipe.plugin.pool(), Strategy::Optimized)?;
    let key = key(&recipe, engine)?;
    host.images().get(key, recipe.owner, now, || make(recipe, engine, key))
}

/// The key of an image: the plugin, its settings, the warm-up request, and the limits that an instance must fit.
fn key(recipe: &Recipe<'_>, engine: &PluginEngine) -> Result<Digest, Reason> {
    // They are not part of the JSON form.
    let unread = recipe.warm_up.map(|context| context.unread.digest());
    let warm_up = recipe.warm_up.map(serde_json::to_vec).transpose()?;
    let Limits { memory_bytes, table_elements, core_instances, .. } = *recipe.limits;
    let sizes = [memory_bytes, table_elements, core_instances].map(usize::to_be_bytes).concat();
    let settings = recipe.settings.map(String::as_bytes);
    // Distinguishes absent from empty.
    let absent = [u8::from(settings.is_none()), u8::from(warm_up.is_none())];
    Ok(Digest::of_parts([
        b"image".as_slice(),
        recipe.plugin.digest().as_bytes(),
        &absent,
        settings.unwrap_or_default(),
        warm_up.as_deref().unwrap_or_default(),
        unread.as_ref().map_or(&[], Digest::as_bytes),
        &sizes,
        engine.fingerprint.as_bytes(),
    ]))
}

fn make(recipe: Recipe<'_>, engine: &PluginEngine, key: Digest) -> Result<Linked, Reason> {
    let (plugin, owner) = (recipe.plugin, recipe.owner);
    let host = plugin.host();
    let end = Instant::now() + recipe.limits.configure_deadline;
    let base = block_on(plugin.linked(end))??;
    if let Some(image) = cached(host, engine, key, &base, end) {
        return Ok(image);
    }
    let source = plugin.source().read()?;
    let bytes = snapshot(recipe, &source)?;
    let split =
        split(&bytes, &source).map_err(|reason| format!("its state cannot be separated from its code: {reason}"))?;
    let (found, cap) = (split.states.iter().map(Vec::len).sum::<usize>(), host.limits().image_bytes);
    if found > cap {
        return Err(
            format!("an image of {found} bytes, over the cap of {cap} bytes (`HostLimits::image_bytes`)").into()
        );
    }
    let code_digest = Digest::of(&split.code);
    let code = host.images().codes.get(code_digest, end, || compile(host, owner, engine, &split))?;
    let note = serde_json::to_string(&Note { code: code_digest })?;
    let states = host.toolchain().compilation.data_modules(engine, key, &split.states, &note)?;
    base.with_states(engine, &code, &named(states))
}

/// The note of an image's entry in the cache.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The digest of the component with the image's code.
    code: Digest,
}

/// Loads the image from the cache. Returns `None` if any part of it is missing or stale.
fn cached(host: &Host, engine: &PluginEngine, key: Digest, base: &Linked, end: Instant) -> Option<Linked> {
    let compilation = &host.toolchain().compilation;
    let (states, note) = compilation.cached_data_modules(engine, key)?;
    let Note { code: digest } = serde_json::from_str(&note).ok()?;
    let load = || {
        let code = compilation.cached_component(engine, digest);
        validated(engine, code.ok_or("it is not in the cache")?)
    };
    let code = host.images().codes.get(digest, end, load).ok()?;
    base.with_states(engine, &code, &named(states)).ok()
}

/// Compiles the code of an image, which is validated like every plugin.
fn compile(host: &Host, owner: &Tenant, engine: &PluginEngine, split: &Split) -> Result<Component, Reason> {
    Shape::read(&split.code, &limits_for_instrumented(host.limits()))?;
    let code = host.toolchain().compilation.component(engine, Some(owner), &Source::borrowed(&split.code))?;
    validated(engine, code)
}

/// Validates the code of an image against the contract.
fn validated(engine: &PluginEngine, code: Component) -> Result<Component, Reason> {
    contract::check_types(&engine.engine, &code)?;
    Ok(code)
}

/// The states of an image, by the names under which its code imports them.
fn named(states: Vec<Module>) -> Vec<(String, Module)> {
    states.into_iter().enumerate().map(|(index, state)| (state_name(index), state)).collect()
}
