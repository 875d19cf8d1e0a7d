//! Standby instances: made before a request needs them, for plugins that start slowly. Each serves one evaluation or
//! one batch, like any other instance.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::engine::admission::Permit;
use crate::instance::Instance;
use crate::util::lock::lock;
use crate::util::lru::Evict;

/// The standby instances of one check. They hold permits of their pool, so only the most recently used checks of a pool
/// have any (see [`HostLimits::standby_checks`](crate::HostLimits::standby_checks)).
#[derive(Default)]
pub(super) struct Standby {
    cap: usize,
    /// The instances, each with its permit of the pool's standby admission.
    ready: Mutex<VecDeque<(Instance, Permit)>>,
    is_being_refilled: AtomicBool,
    last_used: AtomicU64,
}

/// The result of [`Standby::take`].
pub(super) struct Taken {
    /// A standby instance, if one was ready.
    pub(super) instance: Option<Instance>,
    /// Whether the caller must start a refill, and call [`Standby::end_refill`] after it.
    pub(super) wants_refill: bool,
}

impl Standby {
    /// An empty queue for at most `cap` instances. With a cap of 0 it stays empty.
    pub(super) fn new(cap: u32) -> Self {
        Self { cap: cap as usize, ..Self::default() }
    }

    /// Takes the oldest instance, and marks the check as used at the time `now`.
    pub(super) fn take(&self, now: u64) -> Taken {
        if self.cap == 0 {
            return Taken { instance: None, wants_refill: false };
        }
        self.last_used.store(now, Ordering::Relaxed);
        let (instance, left) = {
            let mut ready = lock(&self.ready);
            (ready.pop_front(), ready.len())
        };
        let wants_refill = left < self.cap && !self.is_being_refilled.swap(true, Ordering::AcqRel);
        Taken { instance: instance.map(|(instance, _)| instance), wants_refill }
    }

    /// Whether the check may have standby instances.
    pub(super) fn is_used(&self) -> bool {
        self.cap > 0
    }

    pub(super) fn is_full(&self) -> bool {
        lock(&self.ready).len() >= self.cap
    }

    /// Adds an instance with its permit of the standby admission. Returns the number of instances.
    pub(super) fn push(&self, instance: Instance, permit: Permit) -> usize {
        let mut ready = lock(&self.ready);
        ready.push_back((instance, permit));
        ready.len()
    }

    /// Records that no thread refills the queue any more.
    pub(super) fn end_refill(&self) {
        self.is_being_refilled.store(false, Ordering::Release);
    }
}

impl Evict for Standby {
    fn last_used(&self) -> Option<u64> {
        (!lock(&self.ready).is_empty()).then(|| self.last_used.load(Ordering::Relaxed))
    }

    fn bytes(&self) -> u64 {
        lock(&self.ready).iter().map(|(instance, _)| u64::try_from(instance.memory_bytes()).unwrap_or(u64::MAX)).sum()
    }

    fn evict(&self) {
        // The instances are dropped outside the lock.
        let ready = std::mem::take(&mut *lock(&self.ready));
        for (instance, permit) in ready {
            instance.discard();
            drop(permit);
        }
    }
}
