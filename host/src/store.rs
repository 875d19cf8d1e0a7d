//! What one instance has on the host's side, and the limits that are armed before any of its code runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::capabilities::{Request, wasi};
use crate::clock::Clock;
use crate::fault::HostFault;
use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::log::Log;
use crate::meter::cpu_at_tick;
use crate::outcome::{Cause, Fault};
use crate::tenant::{Tenancy, Tenant};

/// The host's side of one instance. It dies with the instance (rule S7).
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) log: Log,
    pub(crate) request: Request,
    /// When it is stopped, whatever it does.
    pub(crate) end: Instant,
    /// Processor time after which it is stopped.
    cpu_time: Option<Duration>,
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

/// What an instance is bounded by.
pub(crate) struct Terms<'a> {
    limits: &'a Limits,
    end: Instant,
    tenant: Option<&'a Arc<Tenant>>,
}

impl<'a> Terms<'a> {
    pub(crate) fn new(limits: &'a Limits, end: Instant) -> Self {
        Self { limits, end, tenant: None }
    }

    /// What it takes is counted for `tenant`.
    pub(crate) fn for_tenant(self, tenant: &'a Arc<Tenant>) -> Self {
        Self { tenant: Some(tenant), ..self }
    }
}

/// A store with every limit armed: nothing of the plugin has run yet.
pub(crate) fn new_store(engine: &Engine, terms: &Terms<'_>, request: Request) -> Store<State> {
    let limits = terms.limits;
    let state = State {
        limiter: Limiter::new(limits, terms.tenant.map(|tenant| Tenancy::new(Arc::clone(tenant)))),
        log: Log::new(limits.log_bytes),
        request,
        end: terms.end,
        cpu_time: limits.cpu_time,
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
    store.epoch_deadline_callback(|store| tick(store.data()));
    store
}

/// Whether a guest that computes may go on. The clocks decide, not the count of ticks: under load ticks come late and
/// in bursts.
fn tick(state: &State) -> wasmtime::Result<UpdateDeadline> {
    let cpu = cpu_at_tick();
    if let Some(cap) = state.cpu_time.filter(|cap| cpu > *cap) {
        let detail = format!("took {cpu:?} of processor time, over the cap of {cap:?}");
        return Err(HostFault(Fault::new(Cause::CpuTimeLimit, detail)).into());
    }
    Ok(if Instant::now() >= state.end { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
}
