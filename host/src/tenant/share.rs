//! The part of a tenant in one resource of the host, for which tenants wait in a fair order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::turns::lane::Lane;

/// The resources for which tenants wait in a fair order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    SmallInstances,
    LargeInstances,
    ConcurrentInstances,
    Compilers,
    /// The threads of background work.
    Background,
    /// The threads that reload code.
    Reloading,
    /// The threads that compile code again.
    Recompiling,
    /// The threads that make standby instances.
    Refilling,
    /// The threads that load plugins for async callers.
    Loading,
    /// The threads that make checks for async callers.
    Configuring,
}

impl Resource {
    /// The number of resources.
    pub(super) const COUNT: usize = 10;
}

/// The part of one tenant, or of all work without a tenant, in one resource. It is made on first use.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) lane: Arc<Lane>,
    /// Whether the part is that of a tenant. Work without a tenant is not bounded by shares.
    pub(crate) is_tenant: bool,
    held: AtomicU32,
    /// Whether its waiters were passed over because it held all that it may.
    was_passed_over: AtomicBool,
    /// The time until which it rests, in nanoseconds on the clock of the resource; see `engine/rules.rs`.
    rested_at: AtomicU64,
}

impl Share {
    pub(crate) fn new(lane: Lane, is_tenant: bool) -> Self {
        Self {
            lane: Arc::new(lane),
            is_tenant,
            held: AtomicU32::new(0),
            was_passed_over: AtomicBool::new(false),
            rested_at: AtomicU64::new(0),
        }
    }

    /// The units that it holds. They change only under the lock of the resource, so no order is needed here.
    pub(crate) fn held(&self) -> u32 {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, units: u32) {
        self.held.fetch_add(units, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, units: u32) {
        self.held.fetch_sub(units, Ordering::Relaxed);
    }

    /// The time until which it rests. It is in the past if it has rested.
    pub(crate) fn rested_at(&self) -> u64 {
        self.rested_at.load(Ordering::Relaxed)
    }

    pub(crate) fn rest_until(&self, rested_at: u64) {
        self.rested_at.store(rested_at, Ordering::Relaxed);
    }

    pub(crate) fn pass_over(&self) {
        self.was_passed_over.store(true, Ordering::Relaxed);
    }

    /// Whether it was passed over since the last call.
    pub(crate) fn take_passed_over(&self) -> bool {
        self.was_passed_over.swap(false, Ordering::Relaxed)
    }
}
