//! Engines, each made when it is first needed, and the clock of all their deadlines.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Engine, EngineWeak};

use crate::capabilities;
use crate::digest::Digest;
use crate::engine::{self, Pool, Strategy};
use crate::error::HostError;
use crate::fault::chain;
use crate::limits::HostLimits;
use crate::lock::lock;
use crate::residents::Residents;
use crate::room::Room;
use crate::store::State;

/// Runs the plugins of one pool, compiled by one compiler.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    /// Tells machine code that this engine can run from all other.
    pub(crate) fingerprint: Digest,
}

/// The sandboxes of one host.
pub(crate) struct Sandboxes {
    limits: HostLimits,
    ticker: Arc<Ticker>,
    pools: [PoolSlot; 3],
}

struct PoolSlot {
    room: Room,
    /// What of the room those may take that are made ahead of requests: never all of it.
    ahead: Room,
    /// The checks that have such.
    aheads: Residents,
    quick: OnceLock<Result<Sandbox, String>>,
    optimizing: OnceLock<Result<Sandbox, String>>,
}

impl Sandboxes {
    /// Makes the first sandbox, and starts the thread that keeps deadlines.
    pub(crate) fn new(limits: &HostLimits, tick: Duration) -> Result<Self, HostError> {
        let slot = |pool| PoolSlot {
            room: Room::new(engine::instances(limits, pool), limits.queue),
            ahead: Room::new(engine::instances(limits, pool) / 2, 0),
            aheads: Residents::new(limits.standby_checks),
            quick: OnceLock::new(),
            optimizing: OnceLock::new(),
        };
        let sandboxes = Self {
            limits: limits.clone(),
            ticker: Arc::default(),
            pools: [slot(Pool::Small), slot(Pool::Large), slot(Pool::Concurrent)],
        };
        sandboxes.get(Pool::Small, Strategy::Optimized).map_err(HostError::Engine)?;
        Ticker::start(&sandboxes.ticker, tick).map_err(HostError::Ticker)?;
        Ok(sandboxes)
    }

    /// The sandbox for a plugin; an error says why the machine has no room for one.
    pub(crate) fn get(&self, pool: Pool, strategy: Strategy) -> Result<&Sandbox, String> {
        let slot = self.slot(pool);
        let made = match strategy {
            Strategy::Baseline => &slot.quick,
            Strategy::Optimized => &slot.optimizing,
        };
        let sandbox = made.get_or_init(|| {
            let sandbox = Sandbox::new(&self.limits, pool, strategy).map_err(|error| chain(&error))?;
            self.ticker.add(&sandbox.engine);
            Ok(sandbox)
        });
        sandbox.as_ref().map_err(Clone::clone)
    }

    /// Where the instances of a pool find room.
    pub(crate) fn room(&self, pool: Pool) -> &Room {
        &self.slot(pool).room
    }

    /// Where those find room besides that are made ahead of requests.
    pub(crate) fn ahead(&self, pool: Pool) -> &Room {
        &self.slot(pool).ahead
    }

    /// The checks of a pool that have instances made ahead.
    pub(crate) fn aheads(&self, pool: Pool) -> &Residents {
        &self.slot(pool).aheads
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

impl Sandbox {
    fn new(limits: &HostLimits, pool: Pool, strategy: Strategy) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine::runtime(limits, pool, strategy))?;
        let mut linker = Linker::new(&engine);
        capabilities::link(&mut linker)?;
        let mut settings = Settings::default();
        engine.precompile_compatibility_hash().hash(&mut settings);
        Ok(Self { fingerprint: Digest::of(&settings.0), engine, linker })
    }
}

/// Everything that a hash is made of, in place of the hash: it is not meant to resist anybody.
#[derive(Default)]
struct Settings(Vec<u8>);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// Moves the epoch of every engine of a host, until the host is gone.
#[derive(Default)]
struct Ticker(Mutex<Vec<EngineWeak>>);

impl Ticker {
    fn start(ticker: &Arc<Self>, tick: Duration) -> std::io::Result<()> {
        let ticker = Arc::downgrade(ticker);
        std::thread::Builder::new().name("guardhouse-tick".to_owned()).spawn(move || {
            while let Some(ticker) = Weak::upgrade(&ticker) {
                ticker.tick();
                drop(ticker);
                std::thread::sleep(tick);
            }
        })?;
        Ok(())
    }

    fn add(&self, engine: &Engine) {
        lock(&self.0).push(engine.weak());
    }

    fn tick(&self) {
        for engine in &*lock(&self.0) {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}
