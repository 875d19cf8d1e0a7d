//! Engines: the configurations of wasmtime that plugins run in, their pools of instances, and the admission to the
//! pools.
//!
//! A plugin belongs to one of three pools ([`Pool`]): small, large or concurrent. Each pool has a [`FairAdmission`], with
//! as many units as the pool may have instances, so that an instance with its permit finds its slots free. It shares them
//! between tenants. A second admission limits the share of standby instances, and an [`Lru`] lists the checks that have some.
//!
//! A pool has two engines, for baseline and for optimized code ([`Strategy`]), so a host has up to six. Each is a
//! [`PluginEngine`]: wasmtime's engine, the linker with everything that plugins may import, and a fingerprint: the
//! cache returns only machine code with the same one. An engine is made on first use.
//!
//! One thread per host ([`Ticker`]) increments the epochs of all its engines, which makes running guests look at their
//! deadlines and at who waits for a turn (`guest/store.rs`).

pub(crate) mod address_space;
pub(crate) mod admission;
pub(crate) mod config;
pub(crate) mod fair_admission;
mod rules;
pub(crate) mod swap;
mod ticker;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::digest::Digest;
use crate::engine::admission::Admission;
use crate::engine::config::{Memory, Pool, Reservation, Strategy};
use crate::engine::fair_admission::{FairAdmission, Settings};
use crate::engine::rules::{Rest, Rules};
use crate::engine::ticker::Ticker;
use crate::error::HostError;
use crate::guest::imports;
use crate::guest::reason::Reason;
use crate::guest::store::State;
use crate::limits::HostLimits;
use crate::tenant::share::Resource;
use crate::tuning::{
    BLOCKING_REST_FREE, BLOCKING_REST_MOST, BLOCKING_REST_TIMES, COMPILER_DEBT, COMPILER_PAUSE, EVICTION_BATCH_DIVISOR,
    HEADROOM_DIVISOR, INSTANCE_DEBT, STANDBY_POOL_DIVISOR,
};
use crate::turns::Turns;
use crate::util::lru::Lru;

/// The rest of a tenant after a compilation, before it may use the last free compiler.
const COMPILER_REST: Rest = Rest { least: COMPILER_PAUSE, times: 0, free: Duration::ZERO, most: COMPILER_PAUSE };

/// The rest of a tenant after blocking work for async callers, before it may use the last free thread.
const BLOCKING_REST: Rest =
    Rest { least: Duration::ZERO, times: BLOCKING_REST_TIMES, free: BLOCKING_REST_FREE, most: BLOCKING_REST_MOST };

/// An engine with everything that plugins may import: it runs the plugins of one pool that were compiled with one
/// strategy.
pub(crate) struct PluginEngine {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) reservation: Reservation,
    pub(crate) pool: Pool,
    pub(crate) strategy: Strategy,
    /// The digest of everything that machine code depends on. Machine code under another fingerprint cannot run here.
    pub(crate) fingerprint: Digest,
}

/// The engines of one host, each made on first use, and the pools that they share.
pub(crate) struct Engines {
    limits: HostLimits,
    memory: Memory,
    ticker: Arc<Ticker>,
    pools: [PoolSlot; 3],
}

struct PoolSlot {
    admission: FairAdmission,
    standby_admission: Admission,
    standby: Lru,
    baseline: OnceLock<Result<PluginEngine, Reason>>,
    optimized: OnceLock<Result<PluginEngine, Reason>>,
}

impl Engines {
    /// Makes the first engine, and starts the thread that enforces deadlines.
    pub(crate) fn new(
        limits: &HostLimits,
        memory: Memory,
        tick: Duration,
        turns: &Arc<Turns>,
    ) -> Result<Self, HostError> {
        let slot = |pool| PoolSlot {
            admission: FairAdmission::new(pool_settings(limits, pool)),
            standby_admission: Admission::new(config::instances(limits, pool) / STANDBY_POOL_DIVISOR, 0),
            standby: Lru::new(limits.standby_checks, limits.standby_checks / EVICTION_BATCH_DIVISOR),
            baseline: OnceLock::new(),
            optimized: OnceLock::new(),
        };
        let engines = Self {
            limits: limits.clone(),
            memory,
            ticker: Ticker::new(Arc::clone(turns)),
            pools: [slot(Pool::Small), slot(Pool::Large), slot(Pool::Concurrent)],
        };
        engines.get(Pool::Small, Strategy::Optimized).map_err(|reason| HostError::Engine(reason.into_text()))?;
        engines.ticker.start(tick).map_err(HostError::Ticker)?;
        Ok(engines)
    }

    /// The engine for a pool and a strategy, made on first use. The error says why it cannot be made on this machine.
    pub(crate) fn get(&self, pool: Pool, strategy: Strategy) -> Result<&PluginEngine, Reason> {
        let slot = self.slot(pool);
        let made = match strategy {
            Strategy::Baseline => &slot.baseline,
            Strategy::Optimized => &slot.optimized,
        };
        let engine = made.get_or_init(|| {
            let engine = PluginEngine::new(&self.limits, self.memory, pool, strategy)?;
            self.ticker.add(&engine.engine);
            Ok(engine)
        });
        engine.as_ref().map_err(Clone::clone)
    }

    /// The admission of compiler processes.
    pub(crate) fn compilers(limits: &HostLimits) -> FairAdmission {
        FairAdmission::new(Settings {
            what: "compiler",
            resource: Resource::Compilers,
            units: limits.compilers,
            queue: limits.queue,
            rules: Rules::OneEach { rest: COMPILER_REST },
            credit: Duration::ZERO,
            debt: COMPILER_DEBT,
        })
    }

    /// The admission of blocking work for async callers to `threads` threads, at most one of each tenant, and the last one
    /// for a tenant that has used little of them. Every caller may wait.
    pub(crate) fn blocking(what: &'static str, resource: Resource, threads: usize) -> FairAdmission {
        FairAdmission::new(blocking_settings(what, resource, threads))
    }

    /// The admission of instances to a pool.
    pub(crate) fn admission(&self, pool: Pool) -> &FairAdmission {
        &self.slot(pool).admission
    }

    /// The second admission of standby instances, beside that of their pool: it leaves a part of the pool to requests.
    pub(crate) fn standby_admission(&self, pool: Pool) -> &Admission {
        &self.slot(pool).standby_admission
    }

    /// The checks of a pool that have standby instances.
    pub(crate) fn standby(&self, pool: Pool) -> &Lru {
        &self.slot(pool).standby
    }

    fn slot(&self, pool: Pool) -> &PoolSlot {
        let [small, large, concurrent] = &self.pools;
        match pool {
            Pool::Small => small,
            Pool::Large => large,
            Pool::Concurrent => concurrent,
        }
    }
}

/// The settings of the admission of blocking work.
fn blocking_settings(what: &'static str, resource: Resource, threads: usize) -> Settings {
    Settings {
        what,
        resource,
        units: u32::try_from(threads).unwrap_or(u32::MAX),
        queue: usize::MAX,
        rules: Rules::OneEach { rest: BLOCKING_REST },
        credit: BLOCKING_REST_FREE,
        debt: COMPILER_DEBT,
    }
}

/// The settings of the admission to a pool.
fn pool_settings(limits: &HostLimits, pool: Pool) -> Settings {
    let units = config::instances(limits, pool);
    Settings {
        what: "instance",
        resource: match pool {
            Pool::Small => Resource::SmallInstances,
            Pool::Large => Resource::LargeInstances,
            Pool::Concurrent => Resource::ConcurrentInstances,
        },
        units,
        queue: limits.queue,
        rules: Rules::Instances { headroom: units / HEADROOM_DIVISOR },
        credit: Duration::ZERO,
        debt: INSTANCE_DEBT,
    }
}

impl PluginEngine {
    fn new(limits: &HostLimits, memory: Memory, pool: Pool, strategy: Strategy) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config::runtime(limits, memory, pool, strategy))?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker)?;
        let mut settings = HashInput::default();
        engine.precompile_compatibility_hash().hash(&mut settings);
        let fingerprint = Digest::of(&settings.0);
        Ok(Self { engine, linker, reservation: memory.reservation, pool, strategy, fingerprint })
    }
}

/// A hasher that keeps its input, so that a digest of the input can be taken: the standard hash does not resist
/// forgery.
#[derive(Default)]
struct HashInput(Vec<u8>);

impl Hasher for HashInput {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
