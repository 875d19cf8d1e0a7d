//! The sandbox that all plugins share: one engine, one linker, one clock of deadlines, one bound on how many live.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::capabilities;
use crate::error::HostError;
use crate::image::Images;
use crate::limits::HostLimits;
use crate::room::Room;
use crate::store::State;

/// Runs plugins. One is enough for a process: its plugins are kept apart whoever they belong to.
///
/// A clone is shallow. The host lives until the last plugin and check made from it is gone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    limits: HostLimits,
    room: Room,
    images: Images,
}

/// Tables that one instance has room for; see [`HostLimits::instances`].
const TABLES_PER_INSTANCE: u32 = 4;
/// The most memories that any plugin may have.
const MEMORIES_PER_PLUGIN: u32 = 8;

impl Host {
    /// A host with every default.
    ///
    /// # Errors
    /// See [`HostBuilder::build`].
    pub fn new() -> Result<Self, HostError> {
        Self::builder().build()
    }

    /// A host to be set up.
    #[must_use]
    pub fn builder() -> HostBuilder {
        HostBuilder { limits: HostLimits::default(), tick: Duration::from_millis(1) }
    }

    /// What bounds all plugins of this host together.
    #[must_use]
    pub fn limits(&self) -> &HostLimits {
        &self.0.limits
    }

    /// Whether an import of that name is offered to plugins. Some need a [grant](crate::Grants::needed_by) besides;
    /// those of WASI, in every version of 0.2, have nothing behind them.
    #[must_use]
    pub fn offers(import: &str) -> bool {
        capabilities::is_offered(import)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.0.linker
    }

    pub(crate) fn images(&self) -> &Images {
        &self.0.images
    }

    /// How many of [`HostLimits::instances`] a plugin with these memories and tables takes.
    pub(crate) fn weight(memories: u32, tables: u32) -> u32 {
        memories.max(tables.div_ceil(TABLES_PER_INSTANCE)).max(1)
    }

    /// Where instances of all checks find room.
    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// A host to be set up; see [`Host::builder`].
#[derive(Debug, Clone)]
pub struct HostBuilder {
    limits: HostLimits,
    tick: Duration,
}

impl HostBuilder {
    /// What bounds all plugins together.
    #[must_use]
    pub fn limits(mut self, limits: HostLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How often deadlines are looked at: a check is stopped at most two ticks after its deadline, and a check that
    /// computes lets others have the thread once a tick. From 100 µs to 100 ms; 1 ms if not set.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick.clamp(Duration::from_micros(100), Duration::from_millis(100));
        self
    }

    /// Sets the sandbox up and starts the thread that enforces deadlines. A process that forks afterwards has no such
    /// thread in its child: make the host there.
    ///
    /// # Errors
    /// [`HostError`] if the limits cannot be held on this machine, or the thread cannot be started.
    pub fn build(self) -> Result<Host, HostError> {
        if self.limits.instances == 0 {
            return Err(HostError::Engine(
                "`HostLimits::instances` is 0: there would be room for no instance".to_owned(),
            ));
        }
        let failed = |error: wasmtime::Error| HostError::Engine(format!("{error:#}"));
        let engine = Engine::new(&config(&self.limits)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        capabilities::link(&mut linker).map_err(failed)?;
        start_ticking(&engine, self.tick).map_err(HostError::Ticker)?;
        Ok(Host(Arc::new(Inner {
            engine,
            linker,
            room: Room::new(self.limits.instances, self.limits.queue),
            images: Images::default(),
            limits: self.limits,
        })))
    }
}

fn config(limits: &HostLimits) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)))
        .concurrency_support(false)
        .consume_fuel(true)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on the same stack, above the plugin's.
        .async_stack_size(limits.stack_bytes.saturating_add(1 << 20))
        .memory_init_cow(true)
        // Files and lines would come from the plugin's own debug information, read at each fault.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        // The same check answers the same on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    config
}

fn pool(limits: &HostLimits) -> PoolingAllocationConfig {
    // Without PAGEMAP_SCAN the host would have to copy all resident memory, touched or not.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits.instances)
        .total_core_instances(u32::MAX)
        .total_memories(limits.instances)
        .total_tables(limits.instances.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(limits.instances)
        .max_memories_per_component(MEMORIES_PER_PLUGIN)
        .max_memories_per_module(MEMORIES_PER_PLUGIN)
        .max_tables_per_component(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_tables_per_module(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(if scan { 1 << 20 } else { 0 })
        .table_keep_resident(if scan { 64 << 10 } else { 0 })
        .decommit_batch_size(if scan { 1 } else { 32 });
    pool
}

/// Moves the engine's epoch until the engine is gone.
fn start_ticking(engine: &Engine, tick: Duration) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("guardhouse-tick".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(tick);
        }
    })?;
    Ok(())
}
