//! Admission to a check: a permit for each instance of the check that may live at the same time, and a bounded queue of
//! evaluations that wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fault::{Cause, Fault};

/// A number of permits, and a bounded queue in front of them.
pub(crate) struct Admission {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// A permit for one instance or several. It is returned when it is dropped.
pub(crate) type Permit = OwnedSemaphorePermit;

impl Admission {
    pub(crate) fn new(permits: u32, queue: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(permits as usize)), waiting: AtomicUsize::new(0), queue }
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
        if let Some(permit) = self.try_admit(weight) {
            return Ok(permit);
        }
        let _waiting = self.wait()?;
        let permit = Arc::clone(&self.free).acquire_many_owned(weight);
        match tokio::time::timeout_at(end.into(), permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(fault("became free within the deadline")),
        }
    }

    fn wait(&self) -> Result<Waiting<'_>, Fault> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.queue {
            return Ok(waiting);
        }
        Err(fault(&format!("is free, and the queue of {} is full", self.queue)))
    }
}

fn fault(what_failed: &str) -> Fault {
    Fault::new(Cause::NoCapacity, format!("no instance slot {what_failed}"))
}

/// A caller that waits, counted until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
