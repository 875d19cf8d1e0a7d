//! The host: everything that the plugins of a process share.

pub(crate) mod advice;
pub(crate) mod background;
pub(crate) mod builder;
mod unblock;
pub(crate) mod validator;

use std::sync::Arc;
use std::time::Instant;

use crate::code::Toolchain;
use crate::code::images::Images;
use crate::decision::auth_check::MAX_DEADLINE;
use crate::engine::config::Pool;
use crate::engine::fair_admission::FairAdmission;
use crate::error::HostError;
use crate::guest::imports;
use crate::guest::turn::Turn;
use crate::host::advice::Advice;
use crate::host::background::Background;
use crate::host::unblock::Unblock;
use crate::host::validator::Validator;
use crate::limits::HostLimits;
use crate::tenant::registry::Tenants;
use crate::tenant::{Tenant, TenantUsage};
use crate::tuning::WORK_QUEUE_TIME;
use crate::turns::usage::TurnUsage;
use crate::util::lru::Lru;

/// The runtime that plugins are loaded into: engines, pools of instances, limits, caches and tenants. One host is
/// enough for a process; it isolates plugins and tenants from each other.
///
/// A clone is shallow. The host lives until its last plugin and its last check are dropped.
///
/// A host starts these threads, each when it is first needed: `guardhouse-tick`, which enforces deadlines;
/// `guardhouse-background`, which makes images and optimizes code; up to one per processor each of
/// `guardhouse-standby`, which make standby instances, `guardhouse-reload`, which reload evicted code from the cache, and
/// `guardhouse-recompile`, which compile evicted code that the cache has lost; and `guardhouse-timers`, one per process,
/// for blocking calls.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    toolchain: Toolchain,
    plugins: Lru,
    images: Images,
    validator: Validator,
    background: Background,
    reloading: Background,
    recompiling: Background,
    refilling: Background,
    tenants: Tenants,
    loading: Unblock,
    configuring: Unblock,
    advice: Vec<Advice>,
    started: Instant,
}

impl Host {
    /// A host with defaults. [`Host::builder`] sets limits, a cache and a compiler process.
    ///
    /// # Errors
    /// See [`HostBuilder::build`](crate::HostBuilder::build).
    pub fn new() -> Result<Self, HostError> {
        Self::builder().build()
    }

    /// The limits of all plugins of this host together.
    #[must_use]
    pub fn limits(&self) -> &HostLimits {
        &self.0.toolchain.limits
    }

    /// Advice about this machine: changes that make the host faster, or its limits usable. Each piece is also logged at
    /// WARN when the host is built.
    #[must_use]
    pub fn advice(&self) -> &[Advice] {
        &self.0.advice
    }

    /// The tenant of this name. The host makes the tenant on first use, and returns the same one while a handle, a check
    /// or a plugin of the tenant exists, or it has a [budget](Tenant::set_budget).
    #[must_use]
    pub fn tenant(&self, name: impl Into<String>) -> Tenant {
        self.0.tenants.get(Some(name.into()))
    }

    /// Removes the [budget](Tenant::set_budget) of a tenant with its debt, so that the host forgets the tenant with its
    /// last handle, check and plugin. Returns whether it had a budget.
    pub fn forget_tenant(&self, name: &str) -> bool {
        self.0.tenants.forget(name)
    }

    /// The usage of every tenant, ordered by name. The usage of all checks without a tenant, if there are any, comes
    /// first.
    #[must_use]
    pub fn tenant_usage(&self) -> Vec<TenantUsage> {
        self.0.tenants.usage()
    }

    /// The turns of all guests of this host: see [`HostLimits::turns`].
    #[must_use]
    pub fn turn_usage(&self) -> TurnUsage {
        self.0.toolchain.turns.usage()
    }

    /// Does `work` in a turn of a tenant: once it comes before the other tenants that want the processor, and at its
    /// expense. It is for what a server does for a tenant beside evaluations, such as reading a request, and must be
    /// short, because it is not interrupted. While no tenant waits, it is done at once.
    ///
    /// A tenant that gets no turn within its time in the queue, or has too much that waits already, has it done without
    /// one, and is charged all the same. What is done for no tenant has the turns of those without a tenant.
    pub async fn in_turn<T>(&self, tenant: Option<&Tenant>, work: impl FnOnce() -> T) -> T {
        let nobody;
        let tenant = match tenant {
            Some(tenant) => tenant,
            None => {
                nobody = self.0.tenants.get(None);
                &nobody
            }
        };
        let queue_time = tenant.queue_time().or(self.limits().queue_time).unwrap_or(WORK_QUEUE_TIME);
        let end = Instant::now() + queue_time.min(MAX_DEADLINE);
        Turn::of_work(tenant, self.toolchain().tick).work(end, work).await
    }

    /// Whether plugins may import an interface of this name. Some imports need a [grant](crate::Grant::needed_by) in
    /// addition. WASI interfaces, in every released version 0.2.x, give access to nothing. A plugin may also import any
    /// interface of types only, of any name, because it asks for nothing.
    #[must_use]
    pub fn offers(import: &str) -> bool {
        imports::is_offered(import)
    }

    pub(crate) fn toolchain(&self) -> &Toolchain {
        &self.0.toolchain
    }

    /// The admission of instances to a pool.
    pub(crate) fn admission(&self, pool: Pool) -> &FairAdmission {
        self.0.toolchain.engines.admission(pool)
    }

    /// The plugins whose code is in memory.
    pub(crate) fn plugins(&self) -> &Lru {
        &self.0.plugins
    }

    pub(crate) fn images(&self) -> &Images {
        &self.0.images
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.0.validator
    }

    pub(crate) fn background(&self) -> &Background {
        &self.0.background
    }

    /// The threads that reload evicted code from the cache, which evaluations wait for.
    pub(crate) fn reloading(&self) -> &Background {
        &self.0.reloading
    }

    /// The threads that compile evicted code which is no longer in the cache.
    pub(crate) fn recompiling(&self) -> &Background {
        &self.0.recompiling
    }

    /// The threads that make standby instances.
    pub(crate) fn refilling(&self) -> &Background {
        &self.0.refilling
    }

    /// The turns of plugins that are loaded for async callers.
    pub(crate) fn loading(&self) -> &Unblock {
        &self.0.loading
    }

    /// The turns of checks that are made for async callers. They do not wait for those that load plugins.
    pub(crate) fn configuring(&self) -> &Unblock {
        &self.0.configuring
    }

    pub(crate) fn tenants(&self) -> &Tenants {
        &self.0.tenants
    }

    /// A timestamp for least-recently-used order: the microseconds since the host was built.
    pub(crate) fn micros_since_start(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.0.started).as_micros()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", self.limits()).finish_non_exhaustive()
    }
}
