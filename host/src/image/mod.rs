//! Images: configured plugins whose instances need not be configured again.
//!
//! An image consists of the plugin's code, compiled once for all images of the plugin, and of the state that
//! `configure` left, which is made in a few milliseconds. Both come from the plugin's component, rewritten, and are
//! validated against the contract and the limits like an untrusted plugin.

pub(crate) mod parts;
pub(crate) mod prepared;
mod size;
pub(crate) mod snapshot;

use std::sync::Arc;
use std::time::Instant;

use crate::code::contract;
use crate::code::images::Image;
use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::split::{Split, SplitOf, split};
use crate::digest::Digest;
use crate::engine::PluginEngine;
use crate::engine::config::{Pool, Strategy};
use crate::guest::reason::Reason;
use crate::host::Host;
use crate::image::snapshot::{Recipe, limits_for_instrumented, snapshot};
use crate::limits::Limits;
use crate::tuning::{MAX_COPIED_BYTES, MAX_SMALL_COPIED_BYTES, SMALL_RESIDENT_BYTES};
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
    if let Some(image) = cached(host, engine, key, &base) {
        return Ok(image);
    }
    let split = split_snapshot(recipe)?;
    let (found, cap) = (split.states.iter().map(Vec::len).sum::<usize>(), host.limits().image_bytes);
    if found > cap {
        return Err(
            format!("an image of {found} bytes, over the cap of {cap} bytes (`HostLimits::image_bytes`)").into()
        );
    }
    // The code of an image is validated like every plugin.
    Shape::read(&split.code, &limits_for_instrumented(host.limits()))?;
    let divided = host.toolchain().compilation.divided(engine, Some(owner), key, &split)?;
    contract::check_types(&engine.engine, &divided.code)?;
    host.images().codes.keep(&divided.shared);
    base.image(engine, divided)
}

/// Configures an instance, and writes it as the code and the states of an image.
fn split_snapshot(recipe: Recipe<'_>) -> Result<Split, Reason> {
    let source = recipe.plugin.source().read()?;
    let of = match recipe.plugin.pool() {
        Pool::Small => SplitOf::Image { resident_bytes: SMALL_RESIDENT_BYTES, copied_bytes: MAX_SMALL_COPIED_BYTES },
        Pool::Large | Pool::Concurrent => SplitOf::Image { resident_bytes: 0, copied_bytes: MAX_COPIED_BYTES },
    };
    let bytes = snapshot(recipe, &source)?;
    let split = split(&bytes, of);
    split.map_err(|reason| format!("its state cannot be separated from its code: {reason}").into())
}

/// Loads the image from the cache. Returns `None` if any part of it is missing or stale.
fn cached(host: &Host, engine: &PluginEngine, key: Digest, base: &Linked) -> Option<Linked> {
    let divided = host.toolchain().compilation.cached_divided(engine, key)?;
    contract::check_types(&engine.engine, &divided.code).ok()?;
    base.image(engine, divided).ok()
}
