//! Plugins: components that satisfy the contract, compiled once and shared by every check made of them.
//!
//! A [`Plugin`] is a handle to parts that never change (the source, its shape, the settings schema) and to its code, a
//! [`Linked`], which does change: it is empty while the code is evicted, and baseline code is replaced by optimized
//! code. Instances hold the `Linked` that they were made of, so neither change disturbs them.
//!
//! There are three ways to the code. [`Plugin::linked`] is for evaluations: it never compiles on the thread of its
//! caller, and waits no longer than the deadline; all that wait share one reload. `Plugin::linked_now` reloads evicted
//! code on the calling thread, and `Plugin::optimize_now` replaces baseline code there. The mutex `making` lets one
//! thread at a time do either.

mod load;
pub(crate) mod schema;
mod validate;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use arc_swap::ArcSwapOption;

use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::config::{Pool, Strategy};
use crate::error::LoadError;
use crate::fault::{Cause, Fault};
use crate::host::Host;
use crate::plugin::schema::Schema;
use crate::request::json::Json;
use crate::tuning::RELOAD_RETRY;
use crate::util::flight::Flight;
use crate::util::lock::lock;
use crate::util::lru::Evict;
use crate::util::panic::catch;

/// A loaded plugin, from which checks are made. It is loaded by [`load`](Self::load),
/// [`load_file`](Self::load_file) or [`load_async`](Self::load_async). Settings, grants and limits belong to each [`Check`](crate::Check), so
/// ten checks of one plugin share one compilation.
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
    reads_request: bool,
    weight: u32,
    /// `None` while the code is evicted.
    linked: ArcSwapOption<Linked>,
    /// Held while code is compiled or reloaded, so that only one thread does so.
    making: Mutex<()>,
    /// The reload that evaluations wait for.
    reload: Flight<Arc<Linked>, Fault>,
    is_optimization_queued: AtomicBool,
    /// Whether a check has a fuel limit, so that only optimized code may run.
    must_be_optimized: AtomicBool,
    last_used: AtomicU64,
}

impl Plugin {
    /// The digest of the component's bytes, as given to [`load`](Self::load).
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.source.digest()
    }

    /// The size of the component, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.source.size()
    }

    /// The shape of the plugin: its imports and exports, the number and size of its parts, and its producers.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// The JSON Schema (2020-12) of its settings, or `None` for a plugin that takes no settings.
    #[must_use]
    pub fn settings_schema(&self) -> Option<&Json> {
        self.0.schema.as_ref().map(Schema::document)
    }

    /// Whether the plugin can name missing scopes (rule U1).
    #[must_use]
    pub fn names_missing_scopes(&self) -> bool {
        self.0.names_missing_scopes
    }

    /// Whether the plugin may read documents of the request: claims, component detail, arguments, attributes.
    #[must_use]
    pub fn reads_request(&self) -> bool {
        self.0.reads_request
    }

    /// Whether its machine code is optimized, and not baseline code; also `true` while the code is evicted. A large plugin is optimized in the background after its first evaluation (see
    /// [`HostBuilder::baseline_from`](crate::HostBuilder::baseline_from)).
    #[must_use]
    pub fn is_optimized(&self) -> bool {
        self.0.linked.load().as_ref().is_none_or(|linked| linked.is_optimized())
    }

    /// Whether its machine code is in memory, and not evicted (see
    /// [`HostLimits::resident_plugins`](crate::HostLimits::resident_plugins)).
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.0.linked.load().is_some()
    }

    /// The host that the plugin was loaded into.
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

    /// Returns the code of its instances. If the code was evicted, this waits for a thread that reloads it, at most
    /// until `end`.
    pub(crate) async fn linked(&self, end: Instant) -> Result<Arc<Linked>, Fault> {
        self.0.last_used.store(self.0.host.micros_since_start(Instant::now()), Ordering::Relaxed);
        if let Some(linked) = self.0.linked.load_full() {
            return Ok(linked);
        }
        let joined = self.0.reload.join(Instant::now())?;
        if joined.is_first {
            self.reload_in_background();
        }
        match tokio::time::timeout_at(end.into(), joined.result).await {
            Ok(Ok(linked)) => linked,
            Ok(Err(_)) => Err(Fault::host("the reload of its code was lost")),
            Err(_) => {
                let detail = "reloading its code from the cache did not finish within the deadline";
                Err(Fault::new(Cause::Deadline, detail))
            }
        }
    }

    /// Queues the reload that evaluations wait for.
    fn reload_in_background(&self) {
        let plugin = self.clone();
        let reload = move || {
            let loaded = catch(|| plugin.linked_now());
            let loaded = loaded.unwrap_or_else(|message| Err(Fault::host(format!("panicked: {message}"))));
            plugin.0.reload.finish(&loaded, Instant::now(), RELOAD_RETRY);
        };
        if !self.0.host.reloading().add(reload) {
            let detail = "too many plugins wait for the reload of their code";
            let failure = Err(Fault::new(Cause::NoCapacity, detail));
            self.0.reload.finish(&failure, Instant::now(), RELOAD_RETRY);
        }
    }

    /// Returns the code of its instances. If the code was evicted, this thread reloads it, and blocks meanwhile. Baseline
    /// code is good enough, unless a check has a fuel limit: it is ready sooner, and is optimized later.
    pub(crate) fn linked_now(&self) -> Result<Arc<Linked>, Fault> {
        let _making = lock(&self.0.making);
        if let Some(linked) = self.0.linked.load_full() {
            return Ok(linked);
        }
        let Inner { host, shape, source, linked, .. } = &*self.0;
        let loaded = if self.0.must_be_optimized.load(Ordering::Acquire) {
            Linked::load(host.toolchain(), source, shape, Strategy::Optimized)
        } else {
            Linked::load_soon(host.toolchain(), source, shape)
        };
        let loaded = Arc::new(loaded.map_err(Fault::host)?);
        linked.store(Some(Arc::clone(&loaded)));
        self.0.is_optimization_queued.store(false, Ordering::Release);
        // Loading may have taken so long that other plugins were used after this one, which would then be evicted
        // first, although it is about to be used.
        self.0.last_used.store(host.micros_since_start(Instant::now()), Ordering::Relaxed);
        self.make_evictable();
        Ok(loaded)
    }

    /// Replaces baseline code by optimized code, on this thread, and makes sure that only optimized code is loaded from
    /// now on: baseline code uses a different amount of fuel.
    pub(crate) fn optimize_for_fuel(&self) -> Result<(), LoadError> {
        self.0.must_be_optimized.store(true, Ordering::Release);
        self.optimize_now()
    }

    /// Replaces baseline code by optimized code, on this thread.
    pub(crate) fn optimize_now(&self) -> Result<(), LoadError> {
        let _making = lock(&self.0.making);
        let Inner { host, shape, source, linked, .. } = &*self.0;
        let baseline = linked.load_full();
        if baseline.as_ref().is_some_and(|linked| !linked.is_optimized()) {
            let optimized = Linked::load(host.toolchain(), source, shape, Strategy::Optimized)?;
            // If the code was evicted meanwhile, it stays evicted.
            drop(linked.compare_and_swap(&baseline, Some(Arc::new(optimized))));
        }
        Ok(())
    }

    /// Queues a job that optimizes the code, unless it is optimized or a job is already queued.
    pub(crate) fn optimize_in_background(&self) {
        if self.is_optimized() || self.0.is_optimization_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let plugin: Weak<Inner> = Arc::downgrade(&self.0);
        let is_accepted = self.0.host.background().add(move || {
            let Some(plugin) = plugin.upgrade() else { return };
            if let Err(error) = Self(plugin).optimize_now() {
                // The plugin keeps its baseline code.
                tracing::warn!(target: "guardhouse", %error, "a plugin cannot be optimized");
            }
        });
        self.0.is_optimization_queued.store(is_accepted, Ordering::Release);
    }

    /// Makes the code evictable, if it can be reloaded from the cache.
    fn make_evictable(&self) {
        if self.0.host.toolchain().compilation.has_cache() {
            self.0.host.plugins().add(&self.0);
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest()).finish_non_exhaustive()
    }
}

impl Evict for Inner {
    fn last_used(&self) -> Option<u64> {
        self.linked.load().is_some().then(|| self.last_used.load(Ordering::Relaxed))
    }

    fn evict(&self) {
        self.linked.store(None);
    }
}
