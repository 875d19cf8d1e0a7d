//! Images: what instances start from that need not be configured any more.
//!
//! An image is a plugin's code, compiled once for all images of the plugin, and the state that `configure` left, which
//! is made in a few milliseconds. Both come from the plugin's component, rewritten, and are held against
//! the contract and the limits like a stranger's.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::compile::component_key;
use crate::contract;
use crate::digest::Digest;
use crate::engine::{Pool, Strategy};
use crate::fault::chain;
use crate::host::Host;
use crate::limits::Limits;
use crate::lock::lock;
use crate::module_parts::Filling;
use crate::native::panic_message;
use crate::parts::{self, Parts, part};
use crate::precompiled::MachineCode;
use crate::program::Program;
use crate::recent::Recent;
use crate::residents::{Resident, Residents};
use crate::shape::Shape;
use crate::snapshot::{Recipe, enlarged, snapshot};
use crate::source::Source;

/// Makes instances that are configured.
pub(crate) struct Image {
    /// None while it is not in memory.
    program: ArcSwapOption<Program>,
    last_used: AtomicU64,
}

/// The images of one host: equal plugins with equal settings share one.
pub(crate) struct Images {
    known: Mutex<HashMap<Digest, Weak<Image>>>,
    resident: Residents,
    /// The code of plugins of which images were made last.
    codes: Recent<Component>,
    /// The code that images of them are read with.
    pub(crate) instruments: Recent<Program>,
}

/// From so many images on, new ones are copied into their instances and not mapped, if they are small.
const MANY: usize = 64;

/// Plugins whose images can be made without compiling anything.
const RECENT: usize = 16;

impl Images {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            known: Mutex::default(),
            resident: Residents::new(cap),
            codes: Recent::new(RECENT),
            instruments: Recent::new(RECENT),
        }
    }

    /// The image of a recipe, in memory. An error says why there can be none.
    pub(crate) fn get(&self, recipe: Recipe<'_>, now: u64) -> Result<Arc<Image>, String> {
        let key = recipe.key()?;
        let image = self.image(key);
        if image.program(now).is_some() {
            return Ok(image);
        }
        // The tool that takes the image was made for friendly plugins: it panics where it is surprised.
        let made = catch_unwind(AssertUnwindSafe(|| make(recipe, key)))
            .unwrap_or_else(|panic| Err(format!("taking the image panicked: {}", panic_message(&*panic))));
        image.program.store(Some(Arc::new(made?)));
        image.last_used.store(now, Ordering::Relaxed);
        let resident: Arc<dyn Resident> = Arc::clone(&image) as _;
        self.resident.add(Arc::downgrade(&resident));
        Ok(image)
    }

    fn count(&self) -> usize {
        lock(&self.known).len()
    }

    fn image(&self, key: Digest) -> Arc<Image> {
        let mut known = lock(&self.known);
        if let Some(image) = known.get(&key).and_then(Weak::upgrade) {
            return image;
        }
        if known.len() == known.capacity() {
            known.retain(|_, image| image.strong_count() > 0);
        }
        let image = Arc::new(Image { program: ArcSwapOption::empty(), last_used: AtomicU64::new(0) });
        known.insert(key, Arc::downgrade(&image));
        image
    }
}

impl Image {
    pub(crate) fn program(&self, now: u64) -> Option<Arc<Program>> {
        let program = self.program.load_full()?;
        self.last_used.store(now, Ordering::Relaxed);
        Some(program)
    }

    pub(crate) fn is_resident(&self) -> bool {
        self.program.load().is_some()
    }
}

impl Resident for Image {
    fn last_used(&self) -> Option<u64> {
        self.is_resident().then(|| self.last_used.load(Ordering::Relaxed))
    }

    fn leave(&self) {
        self.program.store(None);
    }
}

impl Recipe<'_> {
    /// What makes an image the one it is: plugin, settings, warm-up, and the limits that an instance must fit.
    fn key(&self) -> Result<Digest, String> {
        let warm_up = self.warm_up.map(serde_json::to_vec).transpose().map_err(|error| error.to_string())?;
        let Limits { memory_bytes, table_elements, core_instances, .. } = *self.limits;
        let sizes = [memory_bytes, table_elements, core_instances].map(usize::to_be_bytes).concat();
        let host = self.plugin.host();
        let sandbox = host.sandbox(self.plugin.pool(), Strategy::Optimized)?;
        // What is not there is not the same as what is empty.
        let settings = self.settings.map(String::as_bytes);
        let none = [u8::from(settings.is_none()), u8::from(warm_up.is_none())];
        Ok(Digest::of_parts([
            b"image".as_slice(),
            self.plugin.digest().as_bytes(),
            &none,
            settings.unwrap_or_default(),
            warm_up.as_deref().unwrap_or_default(),
            &sizes,
            sandbox.fingerprint.as_bytes(),
        ]))
    }
}

fn make(recipe: Recipe<'_>, key: Digest) -> Result<Program, String> {
    let plugin = recipe.plugin;
    let (host, pool) = (plugin.host(), plugin.pool());
    let base = plugin.program_now().map_err(|fault| fault.to_string())?;
    if let Some(image) = cached(host, pool, key, &base) {
        return Ok(image);
    }
    let source = plugin.source().read().map_err(|error| error.to_string())?;
    let bytes = snapshot(recipe, &source)?;
    // Where many images take turns, hardly any instance follows one of its own.
    let filling = if host.images().count() < MANY { Filling::Mapped } else { Filling::Copied };
    let parts = part(&bytes, &source, filling)
        .map_err(|reason| format!("its state cannot be taken apart from its code: {reason}"))?;
    let (found, cap) = (parts.states.iter().map(Vec::len).sum::<usize>(), host.limits().image_bytes);
    if found > cap {
        return Err(format!("an image of {found} bytes, over the cap of {cap} bytes (`HostLimits::image_bytes`)"));
    }
    let code = host.images().codes.get(parts.digest(), || compile(host, pool, &parts))?;
    let engine = &host.sandbox(pool, Strategy::Optimized)?.engine;
    let text = |error: wasmtime::Error| chain(&error);
    let states = parts.states.iter().map(|state| engine.precompile_module(state));
    let states: Vec<Vec<u8>> = states.collect::<wasmtime::Result<_>>().map_err(text)?;
    let files: Vec<&[u8]> = states.iter().map(Vec::as_slice).collect();
    let stored = host.compilation().cache.as_ref().and_then(|cache| {
        let note = serde_json::to_string(&Note { code: parts.digest() }).ok()?;
        cache.store(key, &files, &note).ok()
    });
    // What is stored may be gone again already: then it is taken from memory.
    let files = stored.map(|entry| entry.files.into_iter().map(MachineCode::File).collect::<Vec<_>>());
    let states = match files.and_then(|files| modules(engine, &files).ok()) {
        Some(states) => states,
        None => {
            let bytes: Vec<MachineCode> = states.into_iter().map(MachineCode::Bytes).collect();
            modules(engine, &bytes).map_err(text)?
        }
    };
    base.with_states(host, pool, &code, &states)
}

/// What the cache knows of an image besides its state.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The digest of the component that has its code.
    code: Digest,
}

/// The image as the cache has it; none if any of it is missing or stale.
fn cached(host: &Host, pool: Pool, key: Digest, base: &Program) -> Option<Program> {
    let entry = host.compilation().cache.as_ref()?.find(key)?;
    let Note { code: digest } = serde_json::from_str(&entry.note).ok()?;
    let sandbox = host.sandbox(pool, Strategy::Optimized).ok()?;
    let load = || {
        let code = host.compilation().cached(&sandbox.engine, component_key(digest, sandbox.fingerprint));
        checked(&sandbox.engine, code.ok_or("it is not in the cache")?)
    };
    let code = host.images().codes.get(digest, load).ok()?;
    let states: Vec<MachineCode> = entry.files.into_iter().map(MachineCode::File).collect();
    base.with_states(host, pool, &code, &modules(&sandbox.engine, &states).ok()?).ok()
}

/// The code of an image is held against what every plugin is held against.
fn compile(host: &Host, pool: Pool, parts: &Parts) -> Result<Component, String> {
    Shape::read(&parts.code, &enlarged(host.limits())).map_err(|error| error.to_string())?;
    let code = host.compilation().component(host, pool, Strategy::Optimized, &Source::borrowed(&parts.code));
    let sandbox = host.sandbox(pool, Strategy::Optimized)?;
    checked(&sandbox.engine, code.map_err(|error| error.to_string())?)
}

/// Holds the code of an image against the contract.
fn checked(engine: &Engine, code: Component) -> Result<Component, String> {
    contract::check_types(engine, &code).map_err(|error| error.to_string())?;
    Ok(code)
}

/// The states of an image under the names that its code imports them by.
fn modules(engine: &Engine, states: &[MachineCode]) -> wasmtime::Result<Vec<(String, Module)>> {
    states.iter().enumerate().map(|(index, state)| Ok((parts::name(index), state.module(engine)?))).collect()
}
