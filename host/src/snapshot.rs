//! A plugin's memory as `configure` left it, read out of an instance and written into its component.

use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::{self, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::context::AuthContext;
use crate::engine::{Pool, Strategy};
use crate::fault::chain;
use crate::host::Host;
use crate::instance::{Instance, Question};
use crate::limits::{HostLimits, Limits};
use crate::outcome::{Cause, Fault};
use crate::plugin::Plugin;
use crate::program::Program;
use crate::shape::Shape;
use crate::source::Source;
use crate::store::{State, Terms};

/// What an image is made from.
pub(crate) struct Recipe<'a> {
    pub(crate) plugin: &'a Plugin,
    pub(crate) settings: Option<&'a String>,
    pub(crate) warm_up: Option<&'a AuthContext>,
    pub(crate) limits: &'a Limits,
    pub(crate) seed: Seed,
}

/// Configures an instance and writes its memory and globals into its component, which has the bytes `source`. An error
/// says why that cannot be.
pub(crate) fn snapshot(recipe: Recipe<'_>, source: &[u8]) -> Result<Vec<u8>, String> {
    let Recipe { plugin, settings, warm_up, limits, seed } = recipe;
    let (host, pool) = (plugin.host(), plugin.pool());
    let wizer = Wizer::new();
    let text = |error: wasmtime::Error| chain(&error);
    let (context, instrumented) = wizer.instrument_component(source).map_err(text)?;
    let program = host.images().instruments.get(plugin.digest(), || load(host, &instrumented))?;
    let end = Instant::now() + limits.configure_deadline;
    block_on(async {
        let room = host.room(pool).enter(plugin.weight(), end).await.map_err(|fault| fault.to_string())?;
        let mut prepared = Instance::new(program, &Terms::new(limits, end), Request::none(seed)).holding(room);
        // A handle is in no image: a plugin that makes one fails here, and has none.
        prepared.set_max_handles(0);
        prepare(&mut prepared, settings, warm_up, end).await.map_err(|fault| fault.to_string())?;
        let (store, instance) = prepared.parts().ok_or("it was not started")?;
        if store.data().used_wasi() {
            return Err("it used a clock, random numbers or a stream while it was configured".to_owned());
        }
        // The guest has run for the last time: what is read now is the host's own reading.
        store.set_hostcall_fuel(usize::MAX);
        store.set_fuel(u64::MAX).map_err(text)?;
        store.epoch_deadline_callback(|_| Ok(wasmtime::UpdateDeadline::Continue(1)));
        let mut state = Reader { store, instance };
        wizer.snapshot_component(&context, &mut state).await.map_err(text)
    })
    .map_err(|fault| fault.to_string())?
}

/// Configures an instance, and puts a first request to it if there is one, whatever it answers.
async fn prepare(
    instance: &mut Instance,
    settings: Option<&String>,
    warm_up: Option<&AuthContext>,
    end: Instant,
) -> Result<(), Fault> {
    if let Err(words) = instance.configure(settings, end).await? {
        return Err(Fault::new(Cause::Configure, words));
    }
    if let Some(context) = warm_up {
        let question = Question { context, settings: None, name_missing_scopes: false, message_bytes: usize::MAX };
        instance.check(&question, Some(end)).await?;
    }
    Ok(())
}

/// A component with functions that read its memory out. It runs once for each image: its code is made quickly if it is
/// large.
fn load(host: &Host, instrumented: &[u8]) -> Result<Program, String> {
    let limits = host.limits();
    let shape = Shape::read(instrumented, &enlarged(limits)).map_err(|error| error.to_string())?;
    let is_large = instrumented.len() >= host.quick_bytes() && shape.pool(limits) != Pool::Concurrent;
    let source = Source::borrowed(instrumented);
    let quick = is_large.then(|| Program::load(host, &source, &shape, Strategy::Baseline).ok()).flatten();
    let program = quick.map_or_else(|| Program::load(host, &source, &shape, Strategy::Optimized), Ok);
    program.map_err(|error| error.to_string())
}

/// What is made of a plugin is held against what every plugin is held against, but for its size: the plugin's memory is
/// in it, or functions to read it.
pub(crate) fn enlarged(limits: &HostLimits) -> HostLimits {
    let functions = limits.functions.saturating_add(1_000);
    // Its globals are exported, its memory is data.
    let items = limits.items.saturating_mul(4);
    HostLimits { plugin_bytes: usize::MAX, functions, items, ..limits.clone() }
}

/// Reads an instance through the functions that the instrumentation added.
struct Reader<'a> {
    store: &'a mut Store<State>,
    instance: component::Instance,
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
