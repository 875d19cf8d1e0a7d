//! Code: a component that keeps the contract, compiled once and shared by every check made of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use arc_swap::ArcSwapOption;

use crate::contract;
use crate::digest::Digest;
use crate::engine::{Pool, Strategy};
use crate::error::LoadError;
use crate::host::Host;
use crate::json::Json;
use crate::lock::lock;
use crate::outcome::{Cause, Fault};
use crate::program::Program;
use crate::residents::Resident;
use crate::schema::Schema;
use crate::shape::Shape;
use crate::source::Source;

/// Code that can be made into checks. Its settings, grants and limits belong to each [`Check`](crate::Check): ten
/// checks of one plugin share one compilation.
///
/// A clone is shallow.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    host: Host,
    source: Source<'static>,
    shape: Shape,
    pool: Pool,
    schema: Option<Schema>,
    names_missing_scopes: bool,
    weight: u32,
    reads_request: bool,
    can_wait: bool,
    /// None while it is on disk only.
    program: ArcSwapOption<Program>,
    /// Held while it is made or brought back, so that this is done once.
    making: Mutex<()>,
    is_to_be_optimized: AtomicBool,
    last_used: AtomicU64,
}

impl Plugin {
    /// Loads a component: checks its size and shape, compiles it, holds it against the contract, and asks it for its
    /// settings schema.
    ///
    /// It computes, for milliseconds (small plugins, or machine code from the [cache](crate::HostBuilder::cache)) to
    /// a second (language runtimes); call it where that is no harm, in async code through `spawn_blocking`.
    ///
    /// # Errors
    /// [`LoadError`] says exactly what is wrong: not WebAssembly, a core module, damaged, over a limit, another
    /// version of the contract, `check` missing or of another type, an import that no host offers, a schema that
    /// cannot be used.
    pub fn load(host: &Host, bytes: &[u8]) -> Result<Self, LoadError> {
        let shape = Shape::read(bytes, host.limits())?;
        contract::check_version(&shape)?;
        let pool = shape.pool(host.limits());
        let source = Source::borrowed(bytes);
        let program = Arc::new(first_program(host, &source, &shape)?);
        let schema = program.read_schema(host, pool).map_err(LoadError::Schema)?;
        let schema =
            schema.map(|text| Schema::parse(&text, host.limits())).transpose().map_err(LoadError::BadSchema)?;
        let plugin = Self(Arc::new(Inner {
            host: host.clone(),
            source: source.keep(host).map_err(|error| LoadError::Compile(error.to_string()))?,
            reads_request: shape.imports.iter().any(|import| import == contract::REQUEST),
            can_wait: shape.is_async || shape.imports.iter().any(|import| import.starts_with("wasi:io/")),
            shape,
            pool,
            schema,
            names_missing_scopes: program.step_up.is_some(),
            weight: program.weight,
            program: ArcSwapOption::from(Some(program)),
            making: Mutex::default(),
            is_to_be_optimized: AtomicBool::new(false),
            last_used: AtomicU64::new(host.age(Instant::now())),
        }));
        plugin.count_as_resident();
        Ok(plugin)
    }

    /// The digest of the bytes as they were shipped.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.source.digest()
    }

    /// The size of the file, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.source.size()
    }

    /// What it is made of.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// The JSON Schema (2020-12) of its settings; none if it takes none.
    #[must_use]
    pub fn settings_schema(&self) -> Option<&Json> {
        self.0.schema.as_ref().map(Schema::document)
    }

    /// Whether it can name the scopes it misses (rule U1).
    #[must_use]
    pub fn names_missing_scopes(&self) -> bool {
        self.0.names_missing_scopes
    }

    /// Whether its machine code is as fast as it will be. A large plugin is optimized in the background once it has
    /// answered for the first time (see [`HostBuilder::baseline_from`](crate::HostBuilder::baseline_from)).
    #[must_use]
    pub fn is_optimized(&self) -> bool {
        self.0.program.load().as_ref().is_none_or(|program| program.strategy == Strategy::Optimized)
    }

    /// Whether its machine code is in memory, and not on disk only (see
    /// [`HostLimits::resident_plugins`](crate::HostLimits::resident_plugins)).
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.0.program.load().is_some()
    }

    /// The host that it was loaded into.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn source(&self) -> &Source<'static> {
        &self.0.source
    }

    pub(crate) fn pool(&self) -> Pool {
        self.0.pool
    }

    pub(crate) fn schema(&self) -> Option<&Schema> {
        self.0.schema.as_ref()
    }

    pub(crate) fn weight(&self) -> u32 {
        self.0.weight
    }

    /// Whether its instances can wait inside the host, and not only compute.
    pub(crate) fn can_wait(&self) -> bool {
        self.0.can_wait
    }

    /// Whether its instances can ask for more of a request than its record.
    pub(crate) fn reads_request(&self) -> bool {
        self.0.reads_request
    }

    /// What its instances are made of. If that is on disk only it is brought back, by another thread and until `end`.
    pub(crate) async fn program(&self, end: Instant) -> Result<Arc<Program>, Fault> {
        self.0.last_used.store(self.0.host.age(Instant::now()), Ordering::Relaxed);
        if let Some(program) = self.0.program.load_full() {
            return Ok(program);
        }
        let (done, outcome) = tokio::sync::oneshot::channel();
        let plugin = self.clone();
        let thread = std::thread::Builder::new().name("guardhouse-return".to_owned());
        let started = thread.spawn(move || done.send(plugin.program_now()));
        started.map_err(|error| Fault::new(Cause::Host, format!("no thread to bring it back from disk: {error}")))?;
        match tokio::time::timeout_at(end.into(), outcome).await {
            Ok(Ok(program)) => program,
            Ok(Err(_)) => Err(Fault::new(Cause::Host, "bringing it back from disk panicked")),
            Err(_) => Err(Fault::new(Cause::Deadline, "it was not back from disk within the deadline")),
        }
    }

    /// The same on this thread.
    pub(crate) fn program_now(&self) -> Result<Arc<Program>, Fault> {
        let _making = lock(&self.0.making);
        if let Some(program) = self.0.program.load_full() {
            return Ok(program);
        }
        let Inner { host, shape, source, program, .. } = &*self.0;
        let loaded = Program::load(host, source, shape, Strategy::Optimized);
        let loaded = Arc::new(loaded.map_err(|error| Fault::new(Cause::Host, error.to_string()))?);
        program.store(Some(Arc::clone(&loaded)));
        // It may have taken long: others were used meanwhile, and this one is about to be.
        self.0.last_used.store(host.age(Instant::now()), Ordering::Relaxed);
        self.count_as_resident();
        Ok(loaded)
    }

    /// Makes its code as good as it will be, on this thread.
    pub(crate) fn optimize_now(&self) -> Result<(), LoadError> {
        let _making = lock(&self.0.making);
        let Inner { host, shape, source, program, .. } = &*self.0;
        let quick = program.load_full();
        if quick.as_ref().is_some_and(|program| program.strategy != Strategy::Optimized) {
            let optimized = Program::load(host, source, shape, Strategy::Optimized)?;
            // If it has left memory meanwhile it comes back optimized.
            drop(program.compare_and_swap(&quick, Some(Arc::new(optimized))));
        }
        Ok(())
    }

    /// What can be brought back may leave.
    fn count_as_resident(&self) {
        if self.0.host.compilation().cache.is_some() {
            let inner: Arc<dyn Resident> = Arc::clone(&self.0) as _;
            self.0.host.programs().add(Arc::downgrade(&inner));
        }
    }

    /// Has it optimized in the background, if it is not, and nobody was told to before.
    pub(crate) fn optimize_in_background(&self) {
        if self.is_optimized() || self.0.is_to_be_optimized.swap(true, Ordering::AcqRel) {
            return;
        }
        let plugin: Weak<Inner> = Arc::downgrade(&self.0);
        let is_accepted = self.0.host.backlog().add(move || {
            let Some(plugin) = plugin.upgrade() else { return };
            if let Err(error) = Self(plugin).optimize_now() {
                // It goes on as it is.
                tracing::warn!(target: "guardhouse", %error, "a plugin cannot be optimized");
            }
        });
        self.0.is_to_be_optimized.store(is_accepted, Ordering::Release);
    }
}

/// The first code of a plugin: optimized if it is small or already in the cache, or else code that is there sooner.
fn first_program(host: &Host, source: &Source<'_>, shape: &Shape) -> Result<Program, LoadError> {
    let pool = shape.pool(host.limits());
    let is_large = source.size() >= host.quick_bytes() && pool != Pool::Concurrent;
    if is_large {
        if let Some(program) = Program::cached(host, source, shape) {
            return Ok(program);
        }
        // The quick compiler does not know everything that the other knows.
        let quick = Program::load(host, source, shape, Strategy::Baseline);
        // What stopped the one compiler would stop the other, after as long again.
        if matches!(quick, Ok(_) | Err(LoadError::CompilerStopped(_))) {
            return quick;
        }
    }
    Program::load(host, source, shape, Strategy::Optimized)
}

impl Resident for Inner {
    fn last_used(&self) -> Option<u64> {
        self.program.load().is_some().then(|| self.last_used.load(Ordering::Relaxed))
    }

    fn leave(&self) {
        self.program.store(None);
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest()).finish_non_exhaustive()
    }
}
