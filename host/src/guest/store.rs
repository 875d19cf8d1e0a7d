//! The store of one instance: its state in the host, and the limits that are armed before any of its code runs.
//!
//! [`new_store`] is the only place where a store for a plugin is made. What enforces each limit:
//!
//! - memory, tables, core instances: the [`Limiter`], which wasmtime calls before it makes or grows one;
//! - deadline and processor time of code that computes: [`meet_epoch`], which wasmtime calls when the epoch has advanced;
//! - deadline of calls that wait inside the host: a timer around the call (`instance.rs`);
//! - fuel, bytes of one call, handles: counters of wasmtime;
//! - output, text of the context: the [`Log`] and the [`GuestRequest`], in the host functions that use them.
//!
//! [`State`] is dropped with the store, so nothing that a plugin left in the host outlives its instance.

use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::fault::{Cause, Fault};
use crate::guest::clock::Clock;
use crate::guest::cpu_time::{Running, cpu_time_so_far, may_go_on};
use crate::guest::fault::{Circumstances, HostFault, classify};
use crate::guest::limiter::Limiter;
use crate::guest::log::{Log, Mark};
use crate::guest::request::GuestRequest;
use crate::guest::wasi;
use crate::limits::Limits;
use crate::log_line::LogLine;
use crate::reads::DocumentReads;
use crate::tenant::Tenant;
use crate::tenant::holdings::Tenancy;
use crate::tuning::FUEL_INTERVAL;
use crate::util::microseconds::nanoseconds;

/// The state of one instance in the host. It is dropped with the instance (rule S7).
pub(crate) struct State {
    limiter: Limiter,
    log: Log,
    request: GuestRequest,
    /// The deadline of the evaluation.
    end: Instant,
    /// The cap on processor time.
    cpu_time: Option<Duration>,
    /// The interval of the host's ticks.
    tick: Duration,
    /// The number of the last tick that met the guest.
    last_tick: Option<u64>,
    /// The state of WASI, which is made on the plugin's first call to it. Most plugins never call it.
    wasi: Option<Wasi>,
    handles: usize,
    is_instantiated: bool,
}

struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    clock: Clock,
}

impl State {
    /// Records that the instance was made: from now on a failure is the plugin's.
    pub(crate) fn set_instantiated(&mut self) {
        self.is_instantiated = true;
    }

    /// Lets the plugin read its request.
    pub(crate) fn open_request(&mut self) {
        self.request.open();
    }

    /// Binds the instance to another request with another budget of time. The log is cut back to `mark`.
    pub(crate) fn rebind(&mut self, request: GuestRequest, budget: &Budget<'_>, mark: Option<Mark>) {
        self.request = request;
        self.end = budget.end;
        self.cpu_time = budget.cpu_time;
        self.limiter.refused = None;
        if let Some(mark) = mark {
            self.log.rewind(mark);
        }
    }

    /// Whether the plugin called WASI: a clock, random numbers, a stream.
    pub(crate) fn used_wasi(&self) -> bool {
        self.wasi.is_some()
    }

    /// The linear memory of the instance, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.limiter.memory_bytes
    }

    /// The tenant that the instance is counted for.
    pub(crate) fn tenant(&self) -> Option<&Tenant> {
        self.limiter.tenancy.as_ref().map(Tenancy::tenant)
    }

    /// The output of the plugin so far.
    pub(crate) fn log_lines(&self) -> Vec<LogLine> {
        self.log.lines()
    }

    /// The reads of the request so far, which are taken out.
    pub(crate) fn take_reads(&mut self) -> DocumentReads {
        self.request.take_reads()
    }

    /// The current end of the log.
    pub(crate) fn log_mark(&self) -> Mark {
        self.log.mark()
    }

    /// Classifies the error that ended the instance.
    pub(crate) fn classify(&mut self, error: &wasmtime::Error) -> Fault {
        let refused = &mut self.limiter.refused;
        classify(error, Circumstances { refused, is_instantiated: self.is_instantiated })
    }

    pub(super) fn request(&mut self) -> &mut GuestRequest {
        &mut self.request
    }

    pub(super) fn output(&self) -> &Log {
        &self.log
    }

    pub(super) fn clock(&mut self) -> Clock {
        self.wasi().clock.clone()
    }

    /// Whether a tenant waits that comes before the one of this instance.
    fn must_yield(&self) -> bool {
        let (Some(tenant), Some(running)) = (self.tenant(), Running::here()) else { return false };
        let used = nanoseconds(running.elapsed());
        running.paid.is_some_and(|paid| tenant.turns().must_yield(tenant.lane(), paid, used))
    }

    /// Whether the epoch has advanced because of a tick. Without a tenant, it always has.
    fn is_tick(&mut self) -> bool {
        let found = self.tenant().map(|tenant| tenant.turns().ticks());
        found.is_none() || std::mem::replace(&mut self.last_tick, found) != found
    }

    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(self.handles);
            let clock = self.request.clock();
            Wasi { context: wasi::context(self.request.seed(), &self.log, &clock), table, clock }
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { context, table, .. } = self.wasi();
        WasiCtxView { ctx: context, table }
    }
}

/// The budget of one instance: its limits, its deadline, and the tenant that it is counted for.
pub(crate) struct Budget<'a> {
    limits: &'a Limits,
    pub(crate) end: Instant,
    /// The cap on processor time, measured at every tick.
    cpu_time: Option<Duration>,
    pub(crate) tick: Duration,
    tenant: Option<&'a Tenant>,
}

impl<'a> Budget<'a> {
    /// The budget of an evaluation until `end`, on a host that ticks at the interval `tick`.
    pub(crate) fn new(limits: &'a Limits, end: Instant, tick: Duration) -> Self {
        Self { limits, end, cpu_time: limits.cpu_time, tick, tenant: None }
    }

    /// The same budget for an instance that is only configured.
    pub(crate) fn for_configuring(self) -> Self {
        Self { cpu_time: Some(self.limits.configure_cpu_time), ..self }
    }

    /// The same budget with a lower cap on processor time, which is at least a tick.
    pub(crate) fn with_cpu_time(self, left: Option<Duration>) -> Self {
        let left = left.map(|left| left.max(self.tick));
        Self { cpu_time: self.cpu_time.into_iter().chain(left).min(), ..self }
    }

    /// Counts the instance and its memory for `tenant`.
    pub(crate) fn for_tenant(self, tenant: &'a Tenant) -> Self {
        Self { tenant: Some(tenant), ..self }
    }
}

/// A store with every limit armed. No code of the plugin has run in it.
pub(crate) fn new_store(engine: &Engine, budget: &Budget<'_>, request: GuestRequest) -> Store<State> {
    let limits = budget.limits;
    let state = State {
        limiter: Limiter::new(limits, budget.tenant.map(|tenant| Tenancy::new(tenant.clone()))),
        log: Log::new(limits.log_bytes),
        request,
        end: budget.end,
        cpu_time: budget.cpu_time,
        tick: budget.tick,
        last_tick: budget.tenant.map(|tenant| tenant.turns().ticks()),
        wasi: None,
        handles: limits.handles,
        is_instantiated: false,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    // Fails only if the engine does not count fuel, and every engine does (`engine/config.rs`).
    let _ = store.set_fuel(limits.fuel.unwrap_or(u64::MAX));
    // See `FUEL_INTERVAL`.
    let _ = store.fuel_async_yield_interval(Some(FUEL_INTERVAL));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| meet_epoch(store.data_mut()));
    store
}

/// Decides whether a guest that computes may continue when the epoch has advanced: at a tick, or because somebody waits
/// who may come first.
fn meet_epoch(state: &mut State) -> wasmtime::Result<UpdateDeadline> {
    let must_yield = state.must_yield();
    if state.is_tick() {
        return tick(state, must_yield);
    }
    // The clocks were read at the last tick. Reading them now would cost as much as a small check.
    if !must_yield {
        return Ok(UpdateDeadline::Continue(1));
    }
    if let Some(tenant) = state.tenant() {
        tenant.turns().count_preempted();
    }
    Ok(UpdateDeadline::Yield(1))
}

/// Decides at a tick whether a guest that computes may continue. The clocks decide, not the number of ticks: under
/// load, ticks come late and in bursts. A guest that [may go on](may_go_on) is likely to end before the next one, and a
/// yield costs more than a small check.
fn tick(state: &State, must_yield: bool) -> wasmtime::Result<UpdateDeadline> {
    let cpu_time = cpu_time_so_far();
    if let Some(tenant) = state.tenant().filter(|_| cpu_time >= state.tick) {
        tenant.turns().note_long();
    }
    if let Some(cap) = state.cpu_time.filter(|cap| cpu_time > *cap) {
        let detail = format!("used {cpu_time:?} of processor time, over the cap of {cap:?}");
        return Err(HostFault(Fault::new(Cause::CpuTimeLimit, detail)).into());
    }
    Ok(if Instant::now() >= state.end {
        UpdateDeadline::Interrupt
    } else if !must_yield && may_go_on(state.tick) {
        UpdateDeadline::Continue(1)
    } else {
        UpdateDeadline::Yield(1)
    })
}
