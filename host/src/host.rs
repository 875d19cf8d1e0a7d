//! What all plugins of a process share: engines, room, a cache, and what is done in the background.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::cache::Cache;
use crate::capabilities;
use crate::compile::Compilation;
use crate::compiler::CompilerProcess;
use crate::engine::{Pool, Strategy};
use crate::error::HostError;
use crate::image::Images;
use crate::limits::HostLimits;
use crate::machine::{Advice, Machine};
use crate::residents::Residents;
use crate::room::Room;
use crate::sandbox::{Sandbox, Sandboxes};
use crate::tenant::{TenantUsage, Tenants};

/// Runs plugins. One is enough for a process: its plugins are kept apart whoever they belong to.
///
/// A clone is shallow. The host lives until the last plugin and check made from it is gone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    limits: HostLimits,
    sandboxes: Sandboxes,
    compilation: Compilation,
    programs: Residents,
    images: Images,
    backlog: Backlog,
    tenants: Tenants,
    advice: Vec<Advice>,
    started: Instant,
    quick_bytes: usize,
}

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
        HostBuilder {
            limits: HostLimits::default(),
            tick: Duration::from_millis(1),
            cache: None,
            compiler: None,
            quick_bytes: QUICK_BYTES,
        }
    }

    /// What bounds all plugins of this host together.
    #[must_use]
    pub fn limits(&self) -> &HostLimits {
        &self.0.limits
    }

    /// What to change about this machine so that the host is fast and its limits can be used. Each was also told as
    /// a WARN event when the host was made.
    #[must_use]
    pub fn advice(&self) -> &[Advice] {
        &self.0.advice
    }

    /// What each tenant has and takes, by name; checks without a tenant are under the empty name.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantUsage> {
        self.0.tenants.usage()
    }

    /// Whether an import of that name is offered to plugins. Some need a [grant](crate::Grants::needed_by) besides;
    /// those of WASI, in every version of 0.2, have nothing behind them.
    #[must_use]
    pub fn offers(import: &str) -> bool {
        capabilities::is_offered(import)
    }

    pub(crate) fn sandbox(&self, pool: Pool, strategy: Strategy) -> Result<&Sandbox, String> {
        self.0.sandboxes.get(pool, strategy)
    }

    /// Where instances of all checks of a pool find room.
    pub(crate) fn room(&self, pool: Pool) -> &Room {
        self.0.sandboxes.room(pool)
    }

    /// Where those find room besides that are made ahead of requests.
    pub(crate) fn room_ahead(&self, pool: Pool) -> &Room {
        self.0.sandboxes.ahead(pool)
    }

    pub(crate) fn compilation(&self) -> &Compilation {
        &self.0.compilation
    }

    pub(crate) fn programs(&self) -> &Residents {
        &self.0.programs
    }

    pub(crate) fn images(&self) -> &Images {
        &self.0.images
    }

    /// The checks of a pool that have instances made ahead.
    pub(crate) fn aheads(&self, pool: Pool) -> &Residents {
        self.0.sandboxes.aheads(pool)
    }

    pub(crate) fn backlog(&self) -> &Backlog {
        &self.0.backlog
    }

    pub(crate) fn registry(&self) -> &Tenants {
        &self.0.tenants
    }

    /// A time that only grows, to tell what was used before what.
    pub(crate) fn age(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.0.started).as_micros()).unwrap_or(u64::MAX)
    }

    /// From what size on a plugin is first compiled quickly.
    pub(crate) fn quick_bytes(&self) -> usize {
        self.0.quick_bytes
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// A plugin of this size is compiled in a tenth of a second.
const QUICK_BYTES: usize = 256 << 10;

/// A host to be set up; see [`Host::builder`].
#[derive(Debug, Clone)]
pub struct HostBuilder {
    limits: HostLimits,
    tick: Duration,
    cache: Option<PathBuf>,
    compiler: Option<CompilerProcess>,
    quick_bytes: usize,
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

    /// A folder for machine code, up to [`HostLimits::cache_bytes`]. It is made if it is not there; it must belong to
    /// this user, and nobody else may reach it. Processes may share one. With it, plugins and images that were not used for long leave memory
    /// (see [`HostLimits::resident_plugins`]) and are back in less than a millisecond.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Compiles plugins in a process of its own, under [`HostLimits::compiler_time`] and
    /// [`HostLimits::compiler_bytes`]. Without, they are compiled in this process, bounded only by the size and shape
    /// of their files: choose it if strangers can load plugins.
    #[must_use]
    pub fn compiler(mut self, process: CompilerProcess) -> Self {
        self.compiler = Some(process);
        self
    }

    /// From what size on a plugin is compiled twice: quickly, so that it can answer, and in the background once more,
    /// so that it answers fast. In bytes; 256 KiB if not set, `usize::MAX` for never.
    #[must_use]
    pub fn baseline_from(mut self, bytes: usize) -> Self {
        self.quick_bytes = bytes;
        self
    }

    /// Sets the sandbox up and starts the thread that enforces deadlines. A process that forks afterwards has no such
    /// thread in its child: make the host there.
    ///
    /// # Errors
    /// [`HostError`] if the limits cannot be held on this machine, the thread cannot be started, or the folder of the
    /// cache is not this user's alone.
    pub fn build(self) -> Result<Host, HostError> {
        let limits = self.limits;
        for (name, value) in [
            ("instances", limits.instances),
            ("large_instances", limits.large_instances),
            ("compilers", limits.compilers),
        ] {
            if value == 0 {
                return Err(HostError::Engine(format!("`HostLimits::{name}` is 0: there would be room for none")));
            }
        }
        let cache = self.cache.map(|folder| Cache::open(&folder, limits.cache_bytes)).transpose()?;
        let sandboxes = Sandboxes::new(&limits, self.tick)?;
        let advice = Machine::here().advice(&limits);
        for Advice { found, change } in &advice {
            tracing::warn!(target: "guardhouse", found, change, "this machine could serve this host better");
        }
        Ok(Host(Arc::new(Inner {
            sandboxes,
            compilation: Compilation::new(&limits, cache, self.compiler),
            programs: Residents::new(limits.resident_plugins),
            images: Images::new(limits.resident_images),
            backlog: Backlog::default(),
            tenants: Tenants::default(),
            advice,
            started: Instant::now(),
            quick_bytes: self.quick_bytes,
            limits,
        })))
    }
}
