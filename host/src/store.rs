//! What one instance has on the host's side, and the limits that are armed before any of its code runs.

use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::capabilities::{Request, wasi};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::log::Log;
use crate::outcome::{Cause, Fault};

/// The host's side of one instance. It dies with the instance (rule S7).
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) log: Log,
    pub(crate) request: Request,
    /// Made when the plugin first asks for anything of WASI; most never do.
    wasi: Option<Wasi>,
    handles: usize,
}

struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    clock: Clock,
}

impl State {
    /// Whether the plugin asked for anything of WASI: a clock, random numbers, a stream.
    pub(crate) fn used_wasi(&self) -> bool {
        self.wasi.is_some()
    }

    pub(crate) fn clock(&mut self) -> Clock {
        self.wasi().clock.clone()
    }

    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(self.handles);
            let clock = self.request.clock();
            Wasi { ctx: wasi(&self.request, &self.log, &clock), table, clock }
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

/// How much fuel a guest may use before the host learns of it.
const FUEL_INTERVAL: u64 = 1_000_000;

/// A store with every limit armed: nothing of the plugin has run yet.
pub(crate) fn new_store(engine: &Engine, limits: &Limits, end: Instant, request: Request) -> Store<State> {
    let state = State {
        limiter: Limiter::new(limits),
        log: Log::new(limits.log_bytes),
        request,
        wasi: None,
        handles: limits.handles,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    // Fails only if the engine counts no fuel, and then no guest code runs either.
    let _ = store.set_fuel(limits.fuel.unwrap_or(u64::MAX));
    // A guest keeps its count to itself; without this, nothing would be known of one that is interrupted.
    let _ = store.fuel_async_yield_interval(Some(FUEL_INTERVAL));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        // The wall clock decides, not the count of ticks: under load ticks come late and in bursts.
        Ok(if Instant::now() >= end { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
    });
    store
}

/// Counts what the instance takes, and remembers what it was refused: a plugin that is refused memory mostly traps,
/// and the trap alone would not say why.
pub(crate) struct Limiter {
    memory_cap: usize,
    table_cap: usize,
    instance_cap: usize,
    /// All linear memory of the instance, in bytes.
    pub(crate) memory_bytes: usize,
    /// What the last growth added to it, in case it was allowed and failed all the same.
    last_growth: usize,
    /// Whether the instance was made: what goes wrong before is not the plugin's answer.
    pub(crate) instantiated: bool,
    /// The last thing that was refused.
    pub(crate) refused: Option<Fault>,
}

impl Limiter {
    fn new(limits: &Limits) -> Self {
        Self {
            memory_cap: limits.memory_bytes,
            table_cap: limits.table_elements,
            instance_cap: limits.core_instances,
            memory_bytes: 0,
            last_growth: 0,
            instantiated: false,
            refused: None,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(growth);
        let fits = total <= self.memory_cap;
        if fits {
            self.memory_bytes = total;
            self.last_growth = growth;
        } else {
            let detail = format!("asked for {total} bytes of memory, over the cap of {} bytes", self.memory_cap);
            self.refused = Some(Fault::new(Cause::MemoryLimit, detail));
            self.last_growth = 0;
        }
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes -= std::mem::take(&mut self.last_growth);
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_cap;
        if !fits {
            let detail = format!("asked for a table of {desired} elements, over the cap of {}", self.table_cap);
            self.refused = Some(Fault::new(Cause::TableLimit, detail));
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.instance_cap
    }

    fn tables(&self) -> usize {
        self.instance_cap
    }

    fn memories(&self) -> usize {
        self.instance_cap
    }
}
