//! A plugin's memory as `configure` left it, made part of the plugin: instances of an image start configured.
//!
//! The image is a component like any other, with other data segments and initial globals, and is held against the
//! contract and the limits like a stranger's.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::context::AuthContext;
use crate::digest::Digest;
use crate::fault::chain;
use crate::host::Host;
use crate::instance;
use crate::limits::{HostLimits, Limits};
use crate::native::panic_message;
use crate::plugin::{Exports, Plugin};
use crate::store::{State, new_store};

/// Makes instances that are configured.
pub(crate) struct Image {
    pub(crate) exports: Exports,
}

/// The images of one host: equal plugins with equal settings share one.
#[derive(Default)]
pub(crate) struct Images {
    made: Mutex<HashMap<Key, Weak<Image>>>,
    in_background: AtomicBool,
}

/// Plugin, settings, warm-up, and the limits that an instance must fit.
type Key = (Digest, Option<Digest>, Option<Digest>, [usize; 3]);

/// What an image is made from.
pub(crate) struct Recipe<'a> {
    pub(crate) plugin: &'a Plugin,
    pub(crate) settings: Option<&'a String>,
    pub(crate) warm_up: Option<&'a AuthContext>,
    pub(crate) limits: &'a Limits,
    pub(crate) seed: Seed,
}

/// The right to make an image in the background. One thread at a time has it: thousands of checks may become hot at
/// once, and each image is a compilation.
pub(crate) struct Turn(Host);

impl Turn {
    /// None if another has it.
    pub(crate) fn take(host: &Host) -> Option<Self> {
        let taken = host.images().in_background.swap(true, Ordering::Acquire);
        (!taken).then(|| Self(host.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.images().in_background.store(false, Ordering::Release);
    }
}

impl Images {
    /// The image of a recipe: one that is there, or a new one. An error says why there can be none.
    pub(crate) fn get(&self, recipe: Recipe<'_>) -> Result<Arc<Image>, String> {
        let key = recipe.key()?;
        let cap = recipe.plugin.host().limits().images;
        if let Some(image) = self.find(&key, cap)? {
            return Ok(image);
        }
        // The tool that takes the image was made for friendly plugins: it panics where it is surprised.
        let made = catch_unwind(AssertUnwindSafe(|| make(recipe)))
            .unwrap_or_else(|panic| Err(format!("taking the image panicked: {}", panic_message(&*panic))));
        let image = Arc::new(made?);
        // Another may have made the same meanwhile, or the last one that there was room for.
        if let Some(image) = self.find(&key, cap)? {
            return Ok(image);
        }
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::downgrade(&image));
        Ok(image)
    }

    /// The image that is there, if one is; an error if there is no room for another.
    fn find(&self, key: &Key, cap: usize) -> Result<Option<Arc<Image>>, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = made.get(key).and_then(Weak::upgrade) {
            return Ok(Some(image));
        }
        made.retain(|_, image| image.strong_count() > 0);
        if made.len() >= cap {
            return Err(format!("there are {cap} images already (`HostLimits::images`)"));
        }
        Ok(None)
    }
}

impl Recipe<'_> {
    fn key(&self) -> Result<Key, String> {
        let warm_up = self.warm_up.map(serde_json::to_vec).transpose().map_err(|error| error.to_string())?;
        let Limits { memory_bytes, table_elements, core_instances, .. } = *self.limits;
        Ok((
            self.plugin.digest(),
            self.settings.map(Digest::of),
            warm_up.map(Digest::of),
            [memory_bytes, table_elements, core_instances],
        ))
    }
}

fn make(recipe: Recipe<'_>) -> Result<Image, String> {
    let host = recipe.plugin.host();
    let bytes = snapshot(host, recipe)?;
    let cap = host.limits().image_bytes;
    if bytes.len() > cap {
        return Err(format!(
            "an image of {} bytes, over the cap of {cap} bytes (`HostLimits::image_bytes`)",
            bytes.len()
        ));
    }
    Ok(Image { exports: load(host, &bytes)? })
}

/// An image is held against what every plugin is held against, but for its size: the plugin's memory is in it, and the
/// instrumented component has functions to read it.
fn load(host: &Host, bytes: &[u8]) -> Result<Exports, String> {
    let limits = host.limits();
    let functions = limits.functions.saturating_add(1_000);
    let limits = HostLimits { plugin_bytes: usize::MAX, functions, ..limits.clone() };
    let (_, exports, _) = Exports::load(host, bytes, &limits).map_err(|error| error.to_string())?;
    Ok(exports)
}

/// Configures an instance and writes its memory and globals into its component.
fn snapshot(host: &Host, recipe: Recipe<'_>) -> Result<Vec<u8>, String> {
    let Recipe { plugin, settings, warm_up, limits, seed } = recipe;
    let wizer = Wizer::new();
    let text = |error: wasmtime::Error| chain(&error);
    let (context, instrumented) = wizer.instrument_component(plugin.bytes()).map_err(text)?;
    let exports = load(host, &instrumented)?;
    let end = Instant::now() + limits.configure_deadline;
    block_on(async {
        let _room = host.room().enter(plugin.weight(), end).await.map_err(|fault| fault.to_string())?;
        let mut store = new_store(host.engine(), limits, end, Request::none(seed));
        // A handle is in no image: a plugin that makes one fails here, and has none.
        store.set_max_component_handles(0);
        let instance =
            instance::prepare(&mut store, &exports, settings, warm_up, end).await.map_err(|fault| fault.to_string())?;
        if store.data().used_wasi() {
            return Err("it used a clock, random numbers or a stream while it was configured".to_owned());
        }
        // The guest has run for the last time: what is read now is the host's own reading.
        store.set_hostcall_fuel(usize::MAX);
        store.set_fuel(u64::MAX).map_err(text)?;
        store.epoch_deadline_callback(|_| Ok(wasmtime::UpdateDeadline::Continue(1)));
        let mut state = Reader { store: &mut store, instance };
        wizer.snapshot_component(&context, &mut state).await.map_err(text)
    })
    .map_err(|fault| fault.to_string())?
}

/// Reads an instance through the functions that the instrumentation added.
struct Reader<'a> {
    store: &'a mut Store<State>,
    instance: Instance,
}

#[expect(clippy::expect_used, reason = "the trait has no errors, and a panic here is caught and makes no image")]
impl Reader<'_> {
    async fn read<R: Lift + Send + Sync + 'static>(&mut self, interface: &str, function: &str) -> R {
        let interface = self.instance.get_export_index(&mut *self.store, None, interface).expect("an interface");
        let function =
            self.instance.get_export_index(&mut *self.store, Some(&interface), function).expect("a function");
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *self.store, function).expect("its type");
        function.call_async(&mut *self.store, ()).await.expect("a value").0
    }
}

impl ComponentInstanceState for Reader<'_> {
    async fn call_func_ret_list_u8(&mut self, interface: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        let list: WasmList<u8> = self.read(interface, function).await;
        contents(list.as_le_slice(&*self.store));
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.read(interface, function).await
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.read(interface, function).await
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.read::<f32>(interface, function).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.read::<f64>(interface, function).await.to_bits()
    }
}
