//! How the engine is set up: what every plugin is compiled for, and what its instances are made in.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::limits::HostLimits;

/// Where the instances of a plugin live. Those of one pool take no room from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pool {
    /// Plugins that start with little memory.
    Small,
    /// Language runtimes.
    Large,
    /// Plugins that use the async part of the component model, which makes every call dearer.
    Concurrent,
}

/// What makes machine code of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// Winch: code is there at once, and slower.
    Baseline,
    /// Cranelift.
    Optimized,
}

/// Tables that one instance has room for; see [`HostLimits::instances`].
pub(crate) const TABLES_PER_INSTANCE: u32 = 4;
/// The most memories that any plugin may have.
const MEMORIES_PER_PLUGIN: u32 = 8;

/// Everything that the machine code depends on: an engine that only compiles has the same.
pub(crate) fn target(limits: &HostLimits, pool: Pool, strategy: Strategy) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(pool == Pool::Concurrent)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on the same stack, above the plugin's.
        .async_stack_size(limits.stack_bytes.saturating_add(1 << 20))
        .memory_init_cow(true)
        // Files and lines would come from the plugin's own debug information, read at each fault.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        // The same check answers the same on every machine.
        .relaxed_simd_deterministic(true);
    match strategy {
        Strategy::Baseline => config.strategy(wasmtime::Strategy::Winch),
        Strategy::Optimized => config.cranelift_opt_level(OptLevel::Speed).cranelift_nan_canonicalization(true),
    };
    config
}

/// An engine that runs plugins.
pub(crate) fn runtime(limits: &HostLimits, pool: Pool, strategy: Strategy) -> Config {
    let mut config = target(limits, pool, strategy);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(allocation(limits, pool)));
    config
}

/// How many instances live in a pool at the same time.
pub(crate) fn instances(limits: &HostLimits, pool: Pool) -> u32 {
    match pool {
        Pool::Small => limits.instances,
        Pool::Large | Pool::Concurrent => limits.large_instances,
    }
}

fn allocation(limits: &HostLimits, pool: Pool) -> PoolingAllocationConfig {
    // Without PAGEMAP_SCAN the host would have to copy all resident memory, touched or not.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let instances = instances(limits, pool);
    let resident = match pool {
        Pool::Small => 1 << 20,
        Pool::Large | Pool::Concurrent => limits.large_resident_bytes,
    };
    let mut allocation = PoolingAllocationConfig::new();
    allocation
        .total_component_instances(instances)
        .total_core_instances(u32::MAX)
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(instances)
        .max_memories_per_component(MEMORIES_PER_PLUGIN)
        .max_memories_per_module(MEMORIES_PER_PLUGIN)
        .max_tables_per_component(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_tables_per_module(MEMORIES_PER_PLUGIN * TABLES_PER_INSTANCE)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(if scan { resident } else { 0 })
        .table_keep_resident(if scan { 64 << 10 } else { 0 })
        .decommit_batch_size(if scan { 1 } else { 32 });
    allocation
}

/// The field of [`HostLimits`] that says how many instances live in a pool.
pub(crate) fn instances_limit(pool: Pool) -> &'static str {
    match pool {
        Pool::Small => "instances",
        Pool::Large | Pool::Concurrent => "large_instances",
    }
}
