//! The limits of plugins. No limit acts silently: each has its own [`Cause`](crate::Cause) or its own error.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{duration, optional_duration, size};

/// The limits of one check. The doc of each field names its default.
///
/// Write a literal with `..Limits::default()`: a new field is not a breaking change. In documents (JSON, TOML) every
/// field may be left out, an unknown field is an error, and durations and sizes have their [text form](crate::units):
///
/// ```
/// # use std::time::Duration;
/// let limits: guardhouse::Limits = serde_json::from_str(r#"{"deadline": "50ms", "memory_bytes": "16MiB"}"#)?;
/// assert_eq!(limits.deadline, Duration::from_millis(50));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall-clock time of one evaluation: the wait for admission, the making of the instance, `configure`, `check` and
    /// every host call. It is the time that a caller waits at most, also while the machine is busy; the work of the
    /// plugin itself is bounded by [`cpu_time`](Self::cpu_time). It is enforced to within two ticks of the host (see
    /// [`HostBuilder::tick`](crate::HostBuilder::tick)). From 1 ms to 1 hour. Default: 10 s.
    #[serde(with = "duration")]
    pub deadline: Duration,
    /// Wall-clock time of validating the settings, and again of configuring one instance: on trial when the check is
    /// made, for standby, and for an image. From 1 ms to 1 hour. Default: 30 s.
    #[serde(with = "duration")]
    pub configure_deadline: Duration,
    /// Processor time of configuring one instance ahead of a request: on trial, for standby, for an image. It is
    /// enforced to within two ticks, and bounds the validation of the settings too. From 1 ms to 1 hour. Default: 2 s.
    #[serde(with = "duration")]
    pub configure_cpu_time: Duration,
    /// Processor time of one evaluation. Unlike the wall-clock time of the deadline, it does not grow while an
    /// evaluation waits or another program runs. It is enforced to within two ticks. From 1 ms to 1 hour; `None` means
    /// only the deadline bounds the evaluation. Default: 200 ms.
    #[serde(with = "optional_duration")]
    pub cpu_time: Option<Duration>,
    /// Instructions of one evaluation, roughly; without this limit, processor time and the deadline bound them. It is the
    /// deterministic bound: the same plugin, settings and context use the same fuel on every machine. Default: none.
    pub fuel: Option<u64>,
    /// Linear memory of one instance, in bytes, over all its memories. Default: 64 MiB.
    #[serde(with = "size")]
    pub memory_bytes: usize,
    /// Elements of each table. Default: 50,000.
    pub table_elements: usize,
    /// Core instances that one instance of the plugin consists of. Default: 64.
    pub core_instances: usize,
    /// The share of this check in the instances of its pool ([`HostLimits::instances`] or
    /// [`HostLimits::large_instances`]) that live at the same time, counted as the pool counts them. It keeps one busy or
    /// slow check from taking all of them. `None` means a quarter of the pool: 64 instances of a small plugin, 8 of a
    /// large one, with the default limits of the host. All checks of a tenant together have at most the instances of
    /// [`TenantBudget::instances`](crate::TenantBudget::instances). Default: none.
    pub instances: Option<u32>,
    /// Evaluations of this check that wait for admission; a further one fails immediately. Default: 1,024.
    pub queue: usize,
    /// Standby instances: made and configured before a request needs them, each for one evaluation, which then only
    /// waits for its answer. They count against [`instances`](Self::instances) only while they serve. They take at most
    /// half of the instances of their pool, and are evicted when a request would have to wait. `None` means 2 for large
    /// plugins (see [`HostLimits::small_memory_bytes`]) while the check has no [image](crate::ImagePolicy), and otherwise
    /// 0: then an instance starts in microseconds. Default: none.
    pub standby: Option<u32>,
    /// Handles that an instance may hold at the same time. Default: 1,000.
    pub handles: usize,
    /// Text of the context that one instance may read, in bytes: the record, and every answer of the `request`
    /// interface. Default: 1 MiB.
    #[serde(with = "size")]
    pub context_bytes: usize,
    /// Text that reaches the caller, in bytes: the message of a denial, or the missing scopes. Default: 64 KiB.
    #[serde(with = "size")]
    pub message_bytes: usize,
    /// Output of one evaluation, in bytes: stdout, stderr and log calls together. Default: 64 KiB.
    #[serde(with = "size")]
    pub log_bytes: usize,
    /// Bytes that a plugin may pass to the host in one call or one answer. Default: 256 KiB.
    #[serde(with = "size")]
    pub host_call_bytes: usize,
    /// The settings document, in bytes. Default: 1 MiB.
    #[serde(with = "size")]
    pub settings_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            configure_deadline: Duration::from_secs(30),
            configure_cpu_time: Duration::from_secs(2),
            cpu_time: Some(Duration::from_millis(200)),
            fuel: None,
            memory_bytes: 64 << 20,
            table_elements: 50_000,
            core_instances: 64,
            instances: None,
            queue: 1_024,
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

/// The limits of all plugins of one host together, and of every plugin before its code is compiled.
///
/// Literals and documents are written as those of [`Limits`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostLimits {
    /// Instances that live at the same time. A plugin with several memories or more than four tables counts as several,
    /// and so does one of many components that may wait for each other: each may hold a stack, and eight stacks are an
    /// instance. Default: 256.
    pub instances: u32,
    /// Instances of large plugins that live at the same time, in a pool apart from [`instances`](Self::instances): a
    /// language runtime takes the memory of fifty small plugins. Default: 32.
    pub large_instances: u32,
    /// The initial memory of a small plugin, in bytes, over all its memories; a plugin with more is large. A small instance
    /// keeps as much as the default for the next one. Default: 4 MiB.
    #[serde(with = "size")]
    pub small_memory_bytes: usize,
    /// The memory of a large instance that is kept for the next one and written over, in bytes, on a kernel that says
    /// which pages are written. Memory beyond it, and all of it on other kernels, is returned to the operating system
    /// after each instance, which takes longer. Small instances keep 4 MiB on each kernel, which
    /// is 1 GiB for all [`instances`](Self::instances) by default, if as many live at the same time. Default: 32 MiB.
    #[serde(with = "size")]
    pub large_resident_bytes: usize,
    /// Checks that have standby instances (see [`Limits::standby`]), counted for each pool: those of the least recently
    /// used check are evicted. At least
    /// 1. Default: 8.
    pub standby_checks: usize,
    /// Evaluations that wait for admission to a pool. With a further one, the newest fails of the tenant that has the most
    /// by weight; checks without a tenant count as one. Only those wait here that have their share of
    /// [`Limits::instances`]. It also bounds the plugins that wait for a compiler. Default: 4,096.
    pub queue: usize,
    /// Guests that run at the same time, each on a thread: the processors that plugins may use. They are shared between
    /// tenants by [weight](crate::Tenant::set_weight). `None` means as many as the machine has; then they are not shared
    /// before the first tenant is [named](crate::Host::tenant). At least 1. Default: none.
    pub turns: Option<u32>,
    /// Evaluations of one tenant that wait for their first turn on a processor; a further one fails immediately. Only
    /// those wait here that have an instance. Default: 64.
    pub tenant_queue: usize,
    /// Evaluations of all tenants that wait for their first turn on a processor. With a further one, the newest fails of
    /// the tenant that has the most by weight. Default: 4,096.
    pub turn_queue: usize,
    /// The time that an evaluation waits for an instance and its first turn on a processor, after which it fails. `None`
    /// means until its deadline. Default: none.
    #[serde(with = "optional_duration")]
    pub queue_time: Option<Duration>,
    /// The largest [`Limits::memory_bytes`] of a check. All instances together may use this much memory times their
    /// number; 4 GiB of address space are reserved for each, or, where a process cannot have that, only as much as this
    /// (see [`Host::advice`](crate::Host::advice)). Default: 256 MiB.
    #[serde(with = "size")]
    pub memory_bytes: usize,
    /// The largest [`Limits::table_elements`] of a check. Default: 50,000.
    pub table_elements: usize,
    /// The largest [`Limits::core_instances`] of a check. Default: 64.
    pub core_instances: usize,
    /// The WebAssembly stack of an instance, in bytes. Default: 512 KiB.
    #[serde(with = "size")]
    pub stack_bytes: usize,
    /// The file of a plugin, in bytes. Default: 32 MiB.
    #[serde(with = "size")]
    pub plugin_bytes: usize,
    /// Functions of a plugin, over all its modules. Default: 65,536.
    pub functions: usize,
    /// The code of one function, in bytes: compiling takes more than twice as long for twice as much. The largest
    /// function of CPython has 417 KiB. Default: 512 KiB.
    #[serde(with = "size")]
    pub function_bytes: usize,
    /// The nesting of blocks in one function: compiling takes four times as long for twice the depth. Default: 2,000.
    pub block_nesting: usize,
    /// The nesting of loops in one function: compiling takes four times as long for twice the depth. Source code nests
    /// at most ten. Default: 64.
    pub loop_nesting: usize,
    /// The locals of one function, squared, times its loops: each local may be carried around each loop, and the time
    /// to compile grows with the product. The largest function of SpiderMonkey has 5.5 million. Default: 200 million.
    pub loop_locals: usize,
    /// The locals of one function, times its blocks and branches: each local may be kept through each of them. The
    /// largest function of SpiderMonkey has 380,000. Default: 4 million.
    pub block_locals: usize,
    /// Parameters, or results, of one function or block: a jump table carries them to each of its targets. Default: 64.
    pub block_values: usize,
    /// Types of a plugin. Default: 65,536.
    pub types: usize,
    /// Imports of a plugin and of the modules inside it; and its exports. Default: 4,096.
    pub imports: usize,
    /// Globals (with the operators of their initial values), exports of modules, segments and their elements, and
    /// aliases of a plugin, together: each takes up to a kilobyte of memory when it is compiled. Default: 250,000.
    pub items: usize,
    /// Modules and components inside a plugin. Default: 256.
    pub modules: usize,
    /// Instances of modules and components that one instance of a plugin consists of, including those of nested
    /// components. Default: 1,000.
    pub instantiations: usize,
    /// The nesting of modules, components and their types. Default: 8.
    pub nesting: usize,
    /// The settings schema of a plugin, in bytes. Default: 64 KiB.
    #[serde(with = "size")]
    pub schema_bytes: usize,
    /// The subschemas of a settings schema, with every reference followed. Default: 10,000.
    pub schema_nodes: usize,
    /// Patterns in a settings schema. Default: 64.
    pub schema_patterns: usize,
    /// Compilers that run at the same time, each in a process of its own (see
    /// [`HostBuilder::compiler`](crate::HostBuilder::compiler)). Default: 2.
    pub compilers: u32,
    /// Processor time, and wall-clock time, of one compiler. Default: 60 s.
    #[serde(with = "duration")]
    pub compiler_time: Duration,
    /// Address space of one compiler, in bytes. Default: 4 GiB.
    #[serde(with = "size")]
    pub compiler_bytes: usize,
    /// The machine code of one plugin, in bytes, that a compiler may return. Default: 256 MiB.
    #[serde(with = "size")]
    pub code_bytes: usize,
    /// The folder of [`HostBuilder::cache`](crate::HostBuilder::cache), in bytes. Default: 4 GiB.
    #[serde(with = "size")]
    pub cache_bytes: u64,
    /// Plugins whose machine code is in memory. With a cache, the least recently used ones are evicted, and reloaded
    /// when they are evaluated; without a cache, all stay. Each takes three memory mappings and an open file.
    /// Default: 1,000.
    pub resident_plugins: usize,
    /// Images of configured plugins (see [`ImagePolicy`](crate::ImagePolicy)) that are in memory. The least recently
    /// used ones are evicted, and their checks configure each instance again. Default: 1,000.
    pub resident_images: usize,
    /// Tenants with a budget ([`Tenant::set_budget`](crate::Tenant::set_budget)), which the host keeps, also while they
    /// have no check. Each takes about a kilobyte of memory. Default: 100,000.
    pub tenants: usize,
    /// One image, in bytes. Default: 16 MiB.
    #[serde(with = "size")]
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
            queue: 4_096,
            turns: None,
            tenant_queue: 64,
            turn_queue: 4_096,
            queue_time: None,
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
            tenants: 100_000,
            image_bytes: 16 << 20,
        }
    }
}
