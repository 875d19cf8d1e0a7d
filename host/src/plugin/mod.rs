//! Plugins: components that satisfy the contract, compiled once and shared by every check made of them.
//!
//! A [`Plugin`] is a handle to parts that never change (the source, its shape, the settings schema) and to its code, a
//! [`Linked`], which does change: it is empty while the code is evicted, and baseline code is replaced by optimized
//! code. Instances hold the `Linked` that they were made of, so neither change disturbs them.
//!
//! [`Plugin::linked`] is the way to the code: it never compiles on the thread of its caller, and waits no longer than a
//! deadline; all that wait share one reload. Code that is in the cache is reloaded by threads that compile nothing, so
//! it does not wait for another plugin's compilation (`reload`). `Plugin::optimize_now` replaces baseline code on the
//! calling thread.

mod load;
mod reload;
pub(crate) mod schema;
mod validate;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arc_swap::ArcSwapOption;

use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::config::{Pool, Strategy};
use crate::error::LoadError;
use crate::fault::Fault;
use crate::host::Host;
use crate::plugin::schema::Schema;
use crate::reads::Document;
use crate::request::json::Json;
use crate::tenant::Tenant;
use crate::tenant::holdings::Ownership;
use crate::util::flight::Flight;
use crate::util::lock::lock;
use crate::util::lru::Evict;

/// A loaded plugin, from which checks are made. It is loaded by [`load`](Self::load), [`load_file`](Self::load_file) or
/// [`load_async`](Self::load_async). Settings, grants and limits belong to each [`Check`](crate::Check), so ten checks
/// of one plugin share one compilation.
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
    documents: Vec<Document>,
    names_missing_scopes: bool,
    weight: u32,
    /// `None` while the code is evicted.
    linked: ArcSwapOption<Linked>,
    /// The reload that evaluations wait for.
    reload: Flight<Arc<Linked>, Fault>,
    /// Whether a check has a fuel limit, so that only optimized code may run. Held while code is stored.
    must_be_optimized: Mutex<bool>,
    is_optimization_queued: AtomicBool,
    /// Held while baseline code is optimized, so that only one thread does so.
    optimizing: Mutex<()>,
    last_used: AtomicU64,
    /// The tenant that the plugin was loaded for.
    owner: Option<Ownership>,
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

    /// The documents of the request that the plugin may read: claims, component detail, arguments, attributes.
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        &self.0.documents
    }

    /// Whether its instances are small (see [`HostLimits::small_memory_bytes`](crate::HostLimits::small_memory_bytes)),
    /// and start in microseconds.
    #[must_use]
    pub fn is_small(&self) -> bool {
        self.0.pool == Pool::Small
    }

    /// Whether its machine code is optimized, and not baseline code; also `true` while the code is evicted. A large
    /// plugin is optimized in the background after its first evaluation (see
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

    /// The tenant that the plugin was loaded for, if there is one.
    fn owner(&self) -> Option<&Tenant> {
        self.0.owner.as_ref().map(Ownership::tenant)
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

    /// Replaces baseline code by optimized code, on this thread, and makes sure that only optimized code is loaded from
    /// now on: baseline code uses a different amount of fuel.
    pub(crate) fn optimize_for_fuel(&self) -> Result<(), LoadError> {
        *lock(&self.0.must_be_optimized) = true;
        self.optimize_now()
    }

    /// Replaces baseline code by optimized code, on this thread.
    pub(crate) fn optimize_now(&self) -> Result<(), LoadError> {
        let _optimizing = lock(&self.0.optimizing);
        let Inner { host, shape, source, linked, .. } = &*self.0;
        let baseline = linked.load_full();
        if baseline.as_ref().is_some_and(|linked| !linked.is_optimized()) {
            let optimized = Linked::load(host.toolchain(), self.owner(), source, shape, Strategy::Optimized)?;
            // If the code was evicted meanwhile, it stays evicted.
            drop(linked.compare_and_swap(&baseline, Some(Arc::new(optimized))));
            // Optimized code has another size.
            self.make_evictable();
        }
        Ok(())
    }

    /// Queues a job that optimizes the code, unless it is optimized or a job is already queued.
    pub(crate) fn optimize_in_background(&self) {
        if self.is_optimized() || self.0.is_optimization_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let [plugin, refused]: [Weak<Inner>; 2] = [(); 2].map(|()| Arc::downgrade(&self.0));
        let run = move || {
            let Some(plugin) = plugin.upgrade() else { return };
            match Self(Arc::clone(&plugin)).optimize_now() {
                // It is queued again when the tenant has something left.
                Err(LoadError::OverBudget(_)) => plugin.is_optimization_queued.store(false, Ordering::Release),
                // The plugin keeps its baseline code.
                Err(error) => tracing::warn!(target: "guardhouse", %error, "a plugin cannot be optimized"),
                Ok(()) => {}
            }
        };
        let refuse = move || {
            if let Some(plugin) = refused.upgrade() {
                plugin.is_optimization_queued.store(false, Ordering::Release);
            }
        };
        self.0.host.background().add(self.owner(), run, refuse);
    }

    /// Makes the code evictable, if it can be reloaded from the cache.
    fn make_evictable(&self) {
        if self.0.host.toolchain().compilation.has_cache() {
            self.0.host.plugins().add(&self.0);
            if let Some(owner) = self.owner() {
                owner.add_resident(&self.0);
            }
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

    fn bytes(&self) -> u64 {
        self.linked.load().as_ref().map_or(0, |linked| linked.bytes)
    }

    fn evict(&self) {
        self.linked.store(None);
    }
}
