//! What bounds a plugin. Nothing is bounded in silence: each limit has its own
//! [`Cause`](crate::Cause) or its own error.

use std::time::Duration;

/// What bounds one check. Each field's doc names its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time of one evaluation: waiting for room, making the instance, `configure`, `check`, and every
    /// host call. It is enforced to within two ticks of the host (see
    /// [`HostBuilder::tick`](crate::HostBuilder::tick)). Default: 200 ms.
    pub deadline: Duration,
    /// Wall-clock time for making the check, which configures one instance on trial. Default: 2 s.
    pub configure_deadline: Duration,
    /// Processor time of one evaluation, as against the wall-clock time of the deadline: waiting costs none. It is
    /// enforced to within two ticks. Default: none.
    pub cpu_time: Option<Duration>,
    /// Instructions of one evaluation, roughly; none leaves them to the deadline. It is the deterministic bound:
    /// the same plugin, settings and context use the same fuel on every machine. Default: none.
    pub fuel: Option<u64>,
    /// Linear memory of one instance, in bytes, over all its memories. Default: 64 MiB.
    pub memory_bytes: usize,
    /// Elements of each table. Default: 50,000.
    pub table_elements: usize,
    /// Core instances that make up one instance of the plugin. Default: 64.
    pub core_instances: usize,
    /// Instances of this check that live at the same time. It is what keeps one busy or slow check from taking all of
    /// [`HostLimits::instances`] for itself. Default: 64.
    pub instances: u32,
    /// Evaluations of this check that wait for room; one more is a fault at once. Default: 256.
    pub queue: usize,
    /// Instances that are made and configured ahead of requests, each to serve once: the request then waits for the
    /// answer only. They take no place of [`instances`](Self::instances) before they serve, and at most half of
    /// [`HostLimits::instances`], which they leave to a request that would have to wait. None is 2 for large plugins
    /// (see [`HostLimits::small_memory_bytes`]) and 0 for small ones, which start in microseconds. Default: none.
    pub standby: Option<u32>,
    /// Handles that an instance may hold at once. Default: 1,000.
    pub handles: usize,
    /// Text of the context that one instance may be given, in bytes: the record, and every answer of the `request`
    /// interface. Default: 1 MiB.
    pub context_bytes: usize,
    /// What reaches the caller, in bytes: the message of an explicit denial, or the scopes that are missing.
    /// Default: 64 KiB.
    pub message_bytes: usize,
    /// What one evaluation may write: stdout, stderr and log calls together, in bytes. Default: 64 KiB.
    pub log_bytes: usize,
    /// What a plugin may hand to the host in one call or one answer, in bytes. Default: 256 KiB.
    pub host_call_bytes: usize,
    /// The settings document, in bytes. Default: 1 MiB.
    pub settings_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(200),
            configure_deadline: Duration::from_secs(2),
            cpu_time: None,
            fuel: None,
            memory_bytes: 64 << 20,
            table_elements: 50_000,
            core_instances: 64,
            instances: 64,
            queue: 256,
            standby: None,
            handles: 1_000,
            context_bytes: 1 << 20,
            message_bytes: 64 << 10,
            log_bytes: 64 << 10,
            host_call_bytes: 256 << 10,
            settings_bytes: 1 << 20,
        }
    }
}

/// What bounds all plugins of one host together, and every plugin before its code is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLimits {
    /// Instances that live at the same time. A plugin with several memories or more than four tables counts as
    /// several. Default: 256.
    pub instances: u32,
    /// Instances of large plugins, as against [`instances`](Self::instances), that live at the same time: language
    /// runtimes, which would take the memory of fifty others each. Default: 32.
    pub large_instances: u32,
    /// A plugin is large if its memories begin with more than this together, in bytes. Default: 4 MiB.
    pub small_memory_bytes: usize,
    /// The memory of a large instance that is kept for the next one and written over, in bytes; the rest is given back
    /// to the machine each time, which takes longer. Small ones keep 1 MiB. Default: 32 MiB.
    pub large_resident_bytes: usize,
    /// Checks, of small plugins and of large ones, that have instances made ahead (see [`Limits::standby`]): the one that
    /// was not used for the longest time gives up its own. Default: 8.
    pub standby_checks: usize,
    /// Evaluations that wait for room; one more is a fault at once. Default: 1,024.
    pub queue: usize,
    /// The largest [`Limits::memory_bytes`] that a check may ask for. All instances together may have as much memory
    /// as there are of them times this; besides, 4 GiB of address space are set aside for each. Default: 256 MiB.
    pub memory_bytes: usize,
    /// The largest [`Limits::table_elements`] that a check may ask for. Default: 50,000.
    pub table_elements: usize,
    /// The largest [`Limits::core_instances`] that a check may ask for. Default: 64.
    pub core_instances: usize,
    /// The WebAssembly stack of an instance, in bytes. Default: 512 KiB.
    pub stack_bytes: usize,
    /// The file of a plugin, in bytes. Default: 32 MiB.
    pub plugin_bytes: usize,
    /// Functions in a plugin, over all its modules. Default: 65,536.
    pub functions: usize,
    /// The code of one function, in bytes: compiling takes more than twice as long for twice as much. The largest of
    /// CPython has 417 KiB. Default: 512 KiB.
    pub function_bytes: usize,
    /// How deep blocks are nested in one function: compiling takes four times as long for twice as deep. Default:
    /// 2,000.
    pub block_nesting: usize,
    /// How deep loops are nested in one function: compiling takes four times as long for twice as deep. Compilers of
    /// source code get to ten. Default: 64.
    pub loop_nesting: usize,
    /// The locals of one function, squared, times its loops: each may be carried around each loop, and compiling takes
    /// as long. The largest of SpiderMonkey has 5.5 million. Default: 200 million.
    pub loop_locals: usize,
    /// The locals of one function, times its blocks and branches: each may be kept through each. The largest of
    /// SpiderMonkey has 380,000. Default: 4 million.
    pub block_locals: usize,
    /// Parameters, or results, of one function or block: a jump table carries them to each of its targets. Default: 64.
    pub block_values: usize,
    /// Types in a plugin. Default: 65,536.
    pub types: usize,
    /// Imports of a plugin and of the modules inside it; and its exports. Default: 4,096.
    pub imports: usize,
    /// Globals (with what their values are computed from), exports of modules, segments and their elements, and
    /// aliases of a plugin, together: each takes up to a kilobyte when it is compiled. Default: 250,000.
    pub items: usize,
    /// Modules and components inside a plugin. Default: 256.
    pub modules: usize,
    /// Instances, of modules and of components, that one instance of a plugin is made of, once each component that it
    /// instantiates is followed. Default: 1,000.
    pub instantiations: usize,
    /// How deep modules, components and their types are nested. Default: 8.
    pub nesting: usize,
    /// The settings schema of a plugin, in bytes. Default: 64 KiB.
    pub schema_bytes: usize,
    /// The subschemas of a settings schema once every reference is followed. Default: 10,000.
    pub schema_nodes: usize,
    /// Patterns in a settings schema. Default: 64.
    pub schema_patterns: usize,
    /// Compilers that run at the same time, each in a process of its own (see
    /// [`HostBuilder::compiler`](crate::HostBuilder::compiler)). Default: 2.
    pub compilers: u32,
    /// Processor time, and wall-clock time, of one of them. Default: 60 s.
    pub compiler_time: Duration,
    /// Address space of one of them, in bytes. Default: 4 GiB.
    pub compiler_bytes: usize,
    /// The machine code of one plugin, in bytes, that is taken from one of them. Default: 256 MiB.
    pub code_bytes: usize,
    /// The folder of [`HostBuilder::cache`](crate::HostBuilder::cache), in bytes. Default: 4 GiB.
    pub cache_bytes: u64,
    /// Plugins whose machine code is in memory. With a cache, those that were not used for the longest time leave it,
    /// and come back when they are asked; without one, all stay. Each takes three memory mappings and an open file.
    /// Default: 1,000.
    pub resident_plugins: usize,
    /// Images of configured plugins (see [`ImagePolicy`](crate::ImagePolicy)) that are in memory. Those that were not
    /// used for the longest time leave it, and their checks configure themselves again. Default: 1,000.
    pub resident_images: usize,
    /// One image, in bytes. Default: 16 MiB.
    pub image_bytes: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            instances: 256,
            large_instances: 32,
            small_memory_bytes: 4 << 20,
            large_resident_bytes: 32 << 20,
            standby_checks: 8,
            queue: 1_024,
            memory_bytes: 256 << 20,
            table_elements: 50_000,
            core_instances: 64,
            stack_bytes: 512 << 10,
            plugin_bytes: 32 << 20,
            functions: 65_536,
            function_bytes: 512 << 10,
            block_nesting: 2_000,
            loop_nesting: 64,
            loop_locals: 200_000_000,
            block_locals: 4_000_000,
            block_values: 64,
            types: 65_536,
            imports: 4_096,
            items: 250_000,
            modules: 256,
            instantiations: 1_000,
            nesting: 8,
            schema_bytes: 64 << 10,
            schema_nodes: 10_000,
            schema_patterns: 64,
            compilers: 2,
            compiler_time: Duration::from_secs(60),
            compiler_bytes: 4 << 30,
            code_bytes: 256 << 20,
            cache_bytes: 4 << 30,
            resident_plugins: 1_000,
            resident_images: 1_000,
            image_bytes: 16 << 20,
        }
    }
}
