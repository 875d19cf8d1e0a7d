//! The builder of hosts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Host, Inner};
use crate::code::Toolchain;
use crate::code::compiler_process::CompilerProcess;
use crate::code::images::Images;
use crate::engine::address_space::AddressSpace;
use crate::engine::config::Memory;
use crate::error::HostError;
use crate::host::advice::{Advice, Machine};
use crate::host::background::Background;
use crate::host::unblock::Unblock;
use crate::host::validator::Validator;
use crate::limits::HostLimits;
use crate::tenant::registry::Tenants;
use crate::tenant::share::Resource;
use crate::tuning::{BASELINE_BYTES, EVICTION_BATCH_DIVISOR};
use crate::util::lru::Lru;
use crate::util::processors::processors;

/// The builder of a [`Host`], made by [`Host::builder`]. Its defaults: [`HostLimits::default`], ticks of 1 ms, no
/// cache, compilation in this process, and on x86-64 baseline code for plugins of 256 KiB and more.
#[derive(Debug, Clone)]
pub struct HostBuilder {
    limits: HostLimits,
    tick: Duration,
    cache: Option<PathBuf>,
    compiler: Option<CompilerProcess>,
    baseline_bytes: usize,
    has_background: bool,
}

impl Host {
    /// A builder with defaults.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use guardhouse::{Host, HostLimits};
    ///
    /// let host = Host::builder()
    ///     .limits(HostLimits { instances: 64, ..HostLimits::default() })
    ///     .tick(Duration::from_micros(500))
    ///     .build()?;
    /// for advice in host.advice() {
    ///     eprintln!("{advice}");
    /// }
    /// # Ok::<(), guardhouse::HostError>(())
    /// ```
    #[must_use]
    pub fn builder() -> HostBuilder {
        HostBuilder {
            limits: HostLimits::default(),
            tick: Duration::from_millis(1),
            cache: None,
            compiler: None,
            baseline_bytes: BASELINE_BYTES,
            has_background: true,
        }
    }
}

impl HostBuilder {
    /// Sets the limits of all plugins together.
    #[must_use]
    pub fn limits(mut self, limits: HostLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the interval at which deadlines are enforced: a check is stopped at most two ticks after its deadline, and
    /// a check that computes yields its thread to others, and its [turn](HostLimits::turns) to other tenants, once per
    /// tick. Ticks of less than 1 ms begin at most 1 ms after a check has started to compute for longer than one. From
    /// 100 µs to 100 ms. Default: 1 ms.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// Sets a folder for machine code, of at most [`HostLimits::cache_bytes`]. The folder is created if it does not
    /// exist; it must belong to this user and be inaccessible to others. Processes may share one. With a cache, the
    /// least recently used plugins and images are evicted from memory (see [`HostLimits::resident_plugins`]), and
    /// reloading one takes less than a millisecond.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Compiles plugins in a process of its own, under [`HostLimits::compiler_time`] and
    /// [`HostLimits::compiler_bytes`]. Set it if untrusted users can load plugins: without it, plugins are compiled in
    /// this process, bounded only by the size and shape of their files.
    #[must_use]
    pub fn compiler(mut self, process: CompilerProcess) -> Self {
        self.compiler = Some(process);
        self
    }

    /// Sets the size of a plugin, in bytes, from which it is compiled twice: first to baseline code, which is ready
    /// sooner, and then in the background to optimized code. Default: 256 KiB on x86-64; `usize::MAX`, which means
    /// never, on aarch64.
    #[must_use]
    pub fn baseline_from(mut self, bytes: usize) -> Self {
        self.baseline_bytes = bytes;
        self
    }

    /// Compiles nothing in the background: large plugins keep their baseline code, and images are made only under
    /// [`ImagePolicy::Eager`](crate::ImagePolicy::Eager). It is for a process that decides a few requests and ends,
    /// such as a command.
    #[must_use]
    pub fn without_background(mut self) -> Self {
        self.has_background = false;
        self
    }

    /// Builds the host and starts the thread that enforces deadlines. A forked child inherits no threads: build its
    /// host in the child.
    ///
    /// # Errors
    /// [`HostError`] if a limit is invalid, this process has too little address space for a single instance of each kind
    /// (with too little for all of them, see [`Host::advice`]), the thread cannot be started, or the folder of the cache
    /// cannot be used, for example because other users can access it.
    pub fn build(self) -> Result<Host, HostError> {
        let Self { limits, tick, cache, compiler, baseline_bytes, has_background } = self;
        check_tick(tick)?;
        check_limits(&limits)?;
        let strategies = if baseline_bytes == usize::MAX { 1 } else { 2 };
        let fit = AddressSpace::here(&limits, strategies)?;
        let machine = Machine::here();
        let advice = machine.advice(&limits, &fit);
        let memory = Memory { reservation: fit.reservation, scan: machine.can_scan() };
        let limits = fit.limits(limits);
        let toolchain = Toolchain::new(limits, tick, cache.as_deref(), compiler, baseline_bytes, memory)?;
        let limits = &toolchain.limits;
        for Advice { found, change } in &advice {
            tracing::warn!(target: "guardhouse", found, change, "this machine is not well configured for this host");
        }
        Ok(Host(Arc::new(Inner {
            plugins: Lru::new(limits.resident_plugins, limits.resident_plugins / EVICTION_BATCH_DIVISOR),
            images: Images::new(limits.resident_images),
            validator: Validator::new(),
            background: Background::new("guardhouse-background", Resource::Background, usize::from(has_background)),
            reloading: Background::new("guardhouse-reload", Resource::Reloading, processors()),
            recompiling: Background::new("guardhouse-recompile", Resource::Recompiling, processors()),
            refilling: Background::new("guardhouse-standby", Resource::Refilling, processors()),
            tenants: Tenants::new(Arc::clone(&toolchain.turns), limits.tenants),
            loading: Unblock::new("loading", Resource::Loading),
            configuring: Unblock::new("configuring", Resource::Configuring),
            advice,
            started: Instant::now(),
            toolchain,
        })))
    }
}

fn check_tick(tick: Duration) -> Result<(), HostError> {
    if (Duration::from_micros(100)..=Duration::from_millis(100)).contains(&tick) {
        return Ok(());
    }
    let found = format!("{tick:?}");
    Err(HostError::Limit { limit: "HostBuilder::tick", found, allowed: "from 100 µs to 100 ms" })
}

/// Checks the limits of which a host needs at least one.
fn check_limits(limits: &HostLimits) -> Result<(), HostError> {
    let counts = [
        ("HostLimits::instances", u64::from(limits.instances)),
        ("HostLimits::turns", limits.turns.map_or(1, u64::from)),
        ("HostLimits::large_instances", u64::from(limits.large_instances)),
        ("HostLimits::compilers", u64::from(limits.compilers)),
        ("HostLimits::standby_checks", limits.standby_checks as u64),
        ("HostLimits::resident_plugins", limits.resident_plugins as u64),
        ("HostLimits::resident_images", limits.resident_images as u64),
    ];
    match counts.into_iter().find(|(_, count)| *count == 0) {
        Some((limit, _)) => Err(HostError::Limit { limit, found: "0".to_owned(), allowed: "at least 1" }),
        None => Ok(()),
    }
}
