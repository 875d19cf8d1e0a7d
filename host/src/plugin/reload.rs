//! The reload of evicted code, which all evaluations of a plugin wait for together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Inner, Plugin};
use crate::code::linked::Linked;
use crate::engine::config::Strategy;
use crate::error::LoadError;
use crate::fault::{Cause, Fault};
use crate::host::background::Background;
use crate::tuning::RELOAD_RETRY;
use crate::util::lock::lock;
use crate::util::panic::catch;

impl Plugin {
    /// Returns the code of its instances. If the code was evicted, this waits for a thread that reloads it, at most
    /// until `end`.
    pub(crate) async fn linked(&self, end: Instant) -> Result<Arc<Linked>, Fault> {
        self.set_last_used();
        if let Some(linked) = self.0.linked.load_full() {
            return Ok(linked);
        }
        let joined = self.0.reload.join(Instant::now())?;
        if joined.is_first {
            self.reload_on(self.0.host.reloading(), |plugin| match plugin.load_cached() {
                Some(loaded) => plugin.finish(Ok(loaded)),
                // The threads of the first queue compile nothing, so that the code of others is not late.
                None => plugin.reload_on(plugin.0.host.recompiling(), |plugin| {
                    plugin.finish(plugin.load_or_compile().map_err(fault));
                }),
            });
        }
        match tokio::time::timeout_at(end.into(), joined.result).await {
            Ok(Ok(linked)) => linked,
            Ok(Err(_)) => Err(Fault::host("the reload of its code was lost")),
            Err(_) => Err(Fault::new(Cause::Deadline, "reloading its code did not finish within the deadline")),
        }
    }

    /// Queues the reload that evaluations wait for. It fails if the queue is full, or `reload` panics.
    fn reload_on(&self, threads: &Background, reload: impl FnOnce(&Self) + Send + 'static) {
        let [plugin, refused] = [(); 2].map(|()| self.clone());
        let run = move || {
            if let Err(message) = catch(|| reload(&plugin)) {
                plugin.finish(Err(Fault::host(format!("panicked: {message}"))));
            }
        };
        let refuse = move || {
            refused.finish(Err(Fault::new(Cause::NoCapacity, "too many plugins wait for the reload of their code")));
        };
        threads.add(self.owner(), run, refuse);
    }

    /// Passes the code to all evaluations that wait for it.
    fn finish(&self, loaded: Result<Arc<Linked>, Fault>) {
        if loaded.is_ok() {
            self.0.is_optimization_queued.store(false, Ordering::Release);
            // Loading may have taken so long that other plugins were used after this one, which would then be evicted
            // first, although it is about to be used.
            self.set_last_used();
            self.make_evictable();
        }
        self.0.reload.finish(&loaded, Instant::now(), RELOAD_RETRY);
    }

    /// Loads the code from the cache.
    fn load_cached(&self) -> Option<Arc<Linked>> {
        let Inner { host, shape, source, must_be_optimized, .. } = &*self.0;
        let must_be_optimized = *lock(must_be_optimized);
        let cached = if must_be_optimized {
            Linked::load_cached(host.toolchain(), source, shape, Strategy::Optimized)
        } else {
            Linked::load_soon_cached(host.toolchain(), source, shape)
        };
        self.store(cached?)
    }

    /// Loads the code, or compiles it. Baseline code is good enough, unless a check has a fuel limit: it is ready sooner,
    /// and is optimized later.
    fn load_or_compile(&self) -> Result<Arc<Linked>, LoadError> {
        let Inner { host, shape, source, must_be_optimized, .. } = &*self.0;
        let must_be_optimized = *lock(must_be_optimized);
        if !must_be_optimized
            && let Some(stored) = self.store(Linked::load_soon(host.toolchain(), self.owner(), source, shape)?)
        {
            return Ok(stored);
        }
        let optimized = Linked::load(host.toolchain(), self.owner(), source, shape, Strategy::Optimized)?;
        self.store(optimized).ok_or_else(|| LoadError::Host("its code is not optimized".to_owned()))
    }

    /// Stores the code, unless it is baseline code that may not run.
    fn store(&self, loaded: Linked) -> Option<Arc<Linked>> {
        let must_be_optimized = lock(&self.0.must_be_optimized);
        if *must_be_optimized && !loaded.is_optimized() {
            return None;
        }
        let loaded = Arc::new(loaded);
        self.0.linked.store(Some(Arc::clone(&loaded)));
        Some(loaded)
    }

    fn set_last_used(&self) {
        self.0.last_used.store(self.0.host.micros_since_start(Instant::now()), Ordering::Relaxed);
    }
}

/// The fault of evaluations whose code cannot be reloaded.
fn fault(error: LoadError) -> Fault {
    match error {
        LoadError::OverBudget(spent) => Fault::new(Cause::OverBudget, format!("its code cannot be compiled: {spent}")),
        error => Fault::host(error),
    }
}
