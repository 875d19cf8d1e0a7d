//! Room for instances: how many may live at once, and how many evaluations may wait until one more may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::outcome::{Cause, Fault};

/// Room for a number of instances, and a queue before it.
pub(crate) struct Room {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// Given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Room {
    pub(crate) fn new(instances: u32, queue: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(instances as usize)), waiting: AtomicUsize::new(0), queue }
    }

    /// Room for `weight` instances, if there is some now.
    pub(crate) fn try_enter(&self, weight: u32) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_many_owned(weight).ok()
    }

    /// Waits for room for `weight` instances, but not beyond `end` and not behind a full queue.
    pub(crate) async fn enter(&self, weight: u32, end: Instant) -> Result<Place, Fault> {
        self.enter_after(weight, end, || ()).await
    }

    /// The same; has `make_room` take away what is in the way and need not be there, before anybody waits.
    pub(crate) async fn enter_after(
        &self,
        weight: u32,
        end: Instant,
        make_room: impl FnOnce(),
    ) -> Result<Place, Fault> {
        if let Some(place) = self.try_enter(weight) {
            return Ok(place);
        }
        // Whoever takes room from now on without need sees that it is waited for.
        let waiting = self.wait();
        make_room();
        if let Some(place) = self.try_enter(weight) {
            return Ok(place);
        }
        let _waiting = waiting?;
        let place = Arc::clone(&self.free).acquire_many_owned(weight);
        match tokio::time::timeout_at(end.into(), place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Fault::new(Cause::NoCapacity, "no room for another instance within the deadline")),
        }
    }

    /// Whether anybody waits for room.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn wait(&self) -> Result<Waiting<'_>, Fault> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::SeqCst) < self.queue {
            return Ok(waiting);
        }
        Err(Fault::new(Cause::NoCapacity, format!("no room, and no more than {} may wait for it", self.queue)))
    }
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
