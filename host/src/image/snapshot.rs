//! Snapshots: the memory of a configured instance, written into its component.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::{self, Lift, WasmList};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::fault::{Cause, Fault};
use crate::guest::reason::Reason;
use crate::guest::request::{GuestRequest, Seed};
use crate::guest::store::{Budget, State};
use crate::guest::turn::Turn;
use crate::host::Host;
use crate::image::size::SnapshotSize;
use crate::instance::{CheckCall, Instance};
use crate::limits::{HostLimits, Limits};
use crate::plugin::Plugin;
use crate::request::AuthContext;
use crate::tenant::Tenant;
use crate::util::block_on::block_on;

/// Everything that an image is made from.
pub(crate) struct Recipe<'a> {
    pub(crate) plugin: &'a Plugin,
    /// The tenant that the making is charged to.
    pub(crate) owner: &'a Tenant,
    pub(crate) settings: Option<&'a String>,
    pub(crate) warm_up: Option<&'a AuthContext>,
    pub(crate) limits: &'a Limits,
    pub(crate) seed: Seed,
}

/// Configures an instance and writes its memory and globals into its component, which has the bytes `source`. The error
/// says why there can be no snapshot.
pub(super) fn snapshot(recipe: Recipe<'_>, source: &[u8]) -> Result<Vec<u8>, Reason> {
    let Recipe { plugin, settings, warm_up, limits, owner, seed } = recipe;
    let (host, pool) = (plugin.host(), plugin.pool());
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(source)?;
    let end = Instant::now() + limits.configure_deadline;
    let linked = host.images().instrumented.get(plugin.digest(), end, || load(host, owner, &instrumented))?;
    // The time of making the code does not count.
    let end = Instant::now() + limits.configure_deadline;
    block_on(async {
        let permit = host.admission(pool).admit(None, plugin.weight(), end).await?;
        let mut turn = Turn::of(owner, host.toolchain().tick);
        turn.take(end).await.map_err(Fault::from)?;
        let budget = Budget::new(limits, end, host.toolchain().tick).for_configuring().for_tenant(owner);
        let mut prepared = Instance::new(linked, &budget, GuestRequest::none(seed)).with_pool_permit(permit);
        // An image cannot contain handles: a plugin that makes one fails here, and gets no image.
        prepared.set_max_handles(0);
        prepare(&mut prepared, &mut turn, settings, warm_up, end).await?;
        written(&wizer, &context, &mut prepared, &mut turn, host.limits().image_bytes, end).await
    })?
}

/// Writes the memory and the globals of an instance that was started into its component. The state may have up to `cap`
/// bytes.
pub(super) async fn written(
    wizer: &Wizer,
    context: &ComponentContext<'_>,
    prepared: &mut Instance,
    turn: &mut Turn<'_>,
    cap: usize,
    end: Instant,
) -> Result<Vec<u8>, Reason> {
    let (store, instance) = prepared.store_and_instance().ok_or("it was not started")?;
    if store.data().used_wasi() {
        return Err("it used a clock, random numbers or a stream while it was configured".into());
    }
    // The plugin's own code has run for the last time. The host now reads its memory through instrumented functions.
    store.set_hostcall_fuel(usize::MAX);
    store.set_fuel(u64::MAX)?;
    store.epoch_deadline_callback(|_| Ok(wasmtime::UpdateDeadline::Continue(1)));
    let size = SnapshotSize::new(cap);
    let mut state = Reader { store, instance, end, size, counted: BTreeSet::new(), refused: None };
    let snapshot = turn.run(pin!(wizer.snapshot_component(context, &mut state)), end, false).await?;
    state.refused.map_or_else(|| Ok(snapshot?), Err)
}

/// Configures an instance and evaluates the warm-up request, if there is one. Its outcome is ignored; a fault is an
/// error.
async fn prepare(
    instance: &mut Instance,
    turn: &mut Turn<'_>,
    settings: Option<&String>,
    warm_up: Option<&AuthContext>,
    end: Instant,
) -> Result<(), Fault> {
    if let Err(message) = instance.configure(turn, settings, end).await? {
        return Err(Fault::new(Cause::Configure, message));
    }
    if let Some(context) = warm_up {
        let (name_missing_scopes, message_bytes, probe) = (false, usize::MAX, None);
        let call = CheckCall { context, settings: None, name_missing_scopes, message_bytes, end, probe };
        instance.check(turn, &call).await?;
    }
    Ok(())
}

/// Loads an instrumented component, which has functions that read its memory. Its instances run once for each image, so
/// a large component gets baseline code.
pub(super) fn load(host: &Host, owner: &Tenant, instrumented: &[u8]) -> Result<Linked, Reason> {
    let shape = Shape::read(instrumented, &limits_for_instrumented(host.limits()))?;
    Ok(Linked::load_soon(host.toolchain(), Some(owner), &Source::borrowed(instrumented), &shape)?)
}

/// The limits of components that are made from a plugin: those of every plugin, without the limit on size, and with
/// higher limits for the memory that is written into them and for the functions that read it.
pub(super) fn limits_for_instrumented(limits: &HostLimits) -> HostLimits {
    let functions = limits.functions.saturating_add(1_000);
    // Its globals become exports, and its memory becomes data.
    let items = limits.items.saturating_mul(4);
    HostLimits { plugin_bytes: usize::MAX, functions, items, ..limits.clone() }
}

/// Reads an instance through the functions that the instrumentation added.
struct Reader<'a> {
    store: &'a mut Store<State>,
    instance: component::Instance,
    end: Instant,
    size: SnapshotSize,
    /// The functions that return memories which were counted.
    counted: BTreeSet<String>,
    /// The reason why the rest of the memory is not read. The snapshot is then incomplete.
    refused: Option<Reason>,
}

#[expect(clippy::expect_used, reason = "the trait has no errors; a panic here is caught, and there is no image")]
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
        let memory = list.as_le_slice(&*self.store);
        // The library reads each memory twice. Of a memory that is refused it gets only the size: without that, it
        // would panic.
        if self.refused.is_none() && !self.counted.contains(function) {
            match self.size.add(memory, self.end) {
                Ok(()) => drop(self.counted.insert(function.to_owned())),
                Err(reason) => self.refused = Some(reason.into()),
            }
        }
        if self.counted.contains(function) {
            contents(memory);
        } else {
            contents(&vec![0; memory.len()]);
        }
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
