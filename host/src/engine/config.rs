//! The configuration of engines: the target that plugins are compiled for, and the pools that their instances live in.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::limits::HostLimits;
use crate::tuning::{RESIDENT_TABLE_BYTES, SMALL_RESIDENT_BYTES};

/// A pool of instances. Instances of one pool take no capacity from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pool {
    /// Plugins that start with little memory.
    Small,
    /// Plugins that start with much memory: language runtimes.
    Large,
    /// Plugins that use the async part of the component model, which makes every call slower.
    Concurrent,
}

/// A way to compile a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// Winch: compiles fast, and its code is slower.
    Baseline,
    /// Cranelift: compiles slowly, and its code is fast.
    Optimized,
}

/// The address space of one memory, in bytes. Machine code depends on it: with less than [`FULL`], it compares each
/// address with the size of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Reservation {
    pub(crate) memory: u64,
    pub(crate) guard: u64,
}

/// Every address that WebAssembly can form without a large constant: no address has to be compared with anything.
pub(crate) const FULL: Reservation = Reservation { memory: 4 << 30, guard: 32 << 20 };

/// The tables of one instance slot; see [`HostLimits::instances`].
pub(crate) const TABLES_PER_INSTANCE: u32 = 4;
/// The stacks of one instance slot in the concurrent pool. A plugin that is one component consists of up to seven
/// instances.
pub(crate) const STACKS_PER_INSTANCE: u32 = 8;
/// The maximum number of memories of a plugin.
pub(crate) const MEMORIES_PER_PLUGIN: u32 = 8;

/// The part of the configuration that machine code depends on. The compiler process uses it alone.
pub(crate) fn target(limits: &HostLimits, reservation: Reservation, pool: Pool, strategy: Strategy) -> Config {
    let mut config = Config::new();
    config
        .memory_reservation(reservation.memory)
        .memory_guard_size(reservation.guard)
        .concurrency_support(pool == Pool::Concurrent)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on the same stack, above the plugin's.
        .async_stack_size(limits.stack_bytes.saturating_add(1 << 20))
        .memory_init_cow(true)
        // File names and lines would be read from the plugin's own debug information, which is untrusted, at each
        // fault.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        // A check must give the same answer on every machine, and from baseline and optimized code.
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(true);
    match strategy {
        Strategy::Baseline => config.strategy(wasmtime::Strategy::Winch),
        Strategy::Optimized => config.cranelift_opt_level(OptLevel::Speed),
    };
    config
}

/// The memory of instances: how it is reserved, and how it is reset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) reservation: Reservation,
    /// Whether `PAGEMAP_SCAN` finds the pages that an instance has written, so that only those are reset.
    pub(crate) scan: bool,
}

/// The configuration of an engine that runs plugins.
pub(crate) fn runtime(limits: &HostLimits, memory: Memory, pool: Pool, strategy: Strategy) -> Config {
    let instances = instances(limits, pool);
    let totals = Totals { instances, memories: instances, stacks: stacks(limits, pool) };
    let allocation = allocation(limits, totals, Reset::of(limits, pool, memory.scan));
    pooling(target(limits, memory.reservation, pool, strategy), allocation)
}

/// The configuration of an engine that reserves address space, and runs nothing.
pub(crate) fn trial(limits: &HostLimits, reservation: Reservation, totals: Totals) -> Config {
    pooling(
        target(limits, reservation, Pool::Small, Strategy::Optimized),
        allocation(limits, totals, Reset::of(limits, Pool::Small, false)),
    )
}

/// The number of stacks of a pool.
pub(crate) fn stacks(limits: &HostLimits, pool: Pool) -> u32 {
    let instances = instances(limits, pool);
    match pool {
        Pool::Small | Pool::Large => instances,
        Pool::Concurrent => instances.saturating_mul(STACKS_PER_INSTANCE),
    }
}

fn pooling(mut config: Config, allocation: PoolingAllocationConfig) -> Config {
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(allocation));
    config
}

/// The slots of a pool.
pub(crate) struct Totals {
    /// The slots of instances, which have tables each.
    pub(crate) instances: u32,
    pub(crate) memories: u32,
    pub(crate) stacks: u32,
}

/// The number of instances that live in a pool at the same time.
pub(crate) fn instances(limits: &HostLimits, pool: Pool) -> u32 {
    match pool {
        Pool::Small => limits.instances,
        Pool::Large | Pool::Concurrent => limits.large_instances,
    }
}

/// How the memory of an instance is reset for the next one.
#[derive(Debug, Clone, Copy)]
struct Reset {
    /// The first part of it, in bytes, stays resident and is written over; the rest is given back to the kernel.
    resident: usize,
    /// Whether only those pages are written over that the instance has written.
    scan: bool,
}

impl Reset {
    /// Without a scan, all of the resident part is written over, written or not: that pays off for little memory only.
    fn of(limits: &HostLimits, pool: Pool, scan: bool) -> Self {
        let resident = match (pool, scan) {
            (Pool::Small, _) => SMALL_RESIDENT_BYTES,
            (Pool::Large | Pool::Concurrent, false) => 0,
            (Pool::Large | Pool::Concurrent, true) => limits.large_resident_bytes,
        };
        Self { resident, scan }
    }
}

/// The configuration of a pool. The tables that an instance has are small, so they are written over.
fn allocation(limits: &HostLimits, totals: Totals, reset: Reset) -> PoolingAllocationConfig {
    let Totals { instances, memories, stacks } = totals;
    let mut allocation = PoolingAllocationConfig::new();
    allocation
        .total_component_instances(instances)
        .total_core_instances(u32::MAX)
        .total_memories(memories)
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(stacks)
        .max_memories_per_component(MEMORIES_PER_PLUGIN)
        .max_memories_per_module(MEMORIES_PER_PLUGIN)
        .max_tables_per_component(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_tables_per_module(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        .pagemap_scan(if reset.scan { Enabled::Yes } else { Enabled::No })
        .linear_memory_keep_resident(reset.resident)
        .table_keep_resident(RESIDENT_TABLE_BYTES)
        // With a batch, the slots of dropped instances are not free yet when their permits are.
        .decommit_batch_size(1);
    allocation
}

/// The field of [`HostLimits`] with the number of instances of a pool.
pub(crate) fn instances_limit(pool: Pool) -> &'static str {
    match pool {
        Pool::Small => "instances",
        Pool::Large | Pool::Concurrent => "large_instances",
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Instance, Module, Store};

    use super::*;

    /// The page faults of this thread so far.
    fn page_faults() -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The name of the thread is in parentheses, and may hold anything.
        let (_, fields) = text.rsplit_once(") ").unwrap();
        fields.split_whitespace().nth(7).unwrap().parse().unwrap()
    }

    /// The page faults of an instance that writes to every second page of its memory, in a slot where another one did the
    /// same.
    fn faults_of_second(engine: &Engine, pages: usize) -> u64 {
        let text = format!(
            r#"(module (memory 10) (data (i32.const 0) "a")
                (func (export "write") (local $page i32)
                    (loop $next
                        (i32.store8 (i32.shl (local.get $page) (i32.const 13)) (i32.const 1))
                        (local.set $page (i32.add (local.get $page) (i32.const 1)))
                        (br_if $next (i32.lt_u (local.get $page) (i32.const {pages}))))))"#
        );
        let module = Module::new(engine, wat::parse_str(&text).unwrap()).unwrap();
        let write = || {
            let mut store = Store::new(engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let write = instance.get_typed_func::<(), ()>(&mut store, "write").unwrap();
            let before = page_faults();
            write.call(&mut store, ()).unwrap();
            page_faults() - before
        };
        write();
        write()
    }

    #[test]
    fn wasmtime_gives_memory_back_after_32_written_regions() {
        if !PoolingAllocationConfig::is_pagemap_scan_available() {
            return;
        }
        let totals = Totals { instances: 1, memories: 1, stacks: 1 };
        let reset = Reset { resident: 1 << 20, scan: true };
        let allocation = allocation(&HostLimits::default(), totals, reset);
        let engine = Engine::new(&pooling(Config::new(), allocation)).unwrap();
        assert_eq!(faults_of_second(&engine, 20), 0);
        // Wasmtime 50 goes on, and finds pages too that are swapped out or moved. From then on, a host may scan on each
        // kernel that can (`host/advice.rs`), and this test becomes one of that.
        assert_eq!(faults_of_second(&engine, 50), 50 - 32, "this release resets all regions");
    }

    #[test]
    fn without_a_scan_only_small_instances_stay_resident() {
        let limits = HostLimits { large_resident_bytes: 3 << 20, ..HostLimits::default() };
        for (pool, scan, resident) in [
            (Pool::Small, false, SMALL_RESIDENT_BYTES),
            (Pool::Small, true, SMALL_RESIDENT_BYTES),
            (Pool::Large, false, 0),
            (Pool::Large, true, 3 << 20),
            (Pool::Concurrent, false, 0),
            (Pool::Concurrent, true, 3 << 20),
        ] {
            let totals = Totals { instances: 1, memories: 1, stacks: 1 };
            let allocation = allocation(&limits, totals, Reset::of(&limits, pool, scan));
            assert_eq!(matches!(allocation.get_pagemap_scan(), Enabled::Yes), scan, "{pool:?}");
            assert_eq!(allocation.get_memory_keep_resident(), resident, "{pool:?}, {scan}");
        }
    }
}
