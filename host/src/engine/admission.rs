//! Admission: a permit for each instance, or compiler, that may live at the same time, and a bounded queue of callers
//! that wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fault::{Cause, Fault};

/// A number of permits, and a bounded queue in front of them.
pub(crate) struct Admission {
    /// The name of what is admitted, for faults: `instance` or `compiler`.
    what: &'static str,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// A permit for one instance or several. It is returned when it is dropped.
pub(crate) type Permit = OwnedSemaphorePermit;

impl Admission {
    pub(crate) fn new(what: &'static str, permits: u32, queue: usize) -> Self {
        Self { what, free: Arc::new(Semaphore::new(permits as usize)), waiting: AtomicUsize::new(0), queue }
    }

    /// A permit for `weight` instances, if it is free now.
    pub(crate) fn try_admit(&self, weight: u32) -> Option<Permit> {
        Arc::clone(&self.free).try_acquire_many_owned(weight).ok()
    }

    /// Waits for a permit for `weight` instances.
    ///
    /// # Errors
    /// A fault if none is free until `end`, or if the queue is full.
    pub(crate) async fn admit(&self, weight: u32, end: Instant) -> Result<Permit, Fault> {
        self.admit_evicting(weight, end, || ()).await
    }

    /// Like [`admit`](Self::admit), but calls `evict` to evict standby instances before waiting.
    pub(crate) async fn admit_evicting(
        &self,
        weight: u32,
        end: Instant,
        evict: impl FnOnce(),
    ) -> Result<Permit, Fault> {
        if let Some(permit) = self.try_admit(weight) {
            return Ok(permit);
        }
        // From here on, the threads that make standby instances see the waiter, and evict what they have made.
        let waiting = self.wait();
        evict();
        if let Some(permit) = self.try_admit(weight) {
            return Ok(permit);
        }
        let _waiting = waiting?;
        let permit = Arc::clone(&self.free).acquire_many_owned(weight);
        match tokio::time::timeout_at(end.into(), permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.fault("became free within the deadline".to_owned())),
        }
    }

    /// Whether a caller waits for a permit.
    pub(crate) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn wait(&self) -> Result<Waiting<'_>, Fault> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::SeqCst) < self.queue {
            return Ok(waiting);
        }
        Err(self.fault(format!("is free, and the queue of {} is full", self.queue)))
    }

    fn fault(&self, what_failed: String) -> Fault {
        Fault::new(Cause::NoCapacity, format!("no {} slot {what_failed}", self.what))
    }
}

/// A caller that waits, counted until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
