//! Instances made ahead of requests, for plugins that take long to start: each serves once, like any other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::blocking::block_on;
use crate::capabilities::Request;
use crate::check::Inner;
use crate::decision::DecisionId;
use crate::evaluation::{instance, program};
use crate::instance::Instance;
use crate::lock::lock;
use crate::residents::Resident;
use crate::room::Place;

/// The instances of one check that are made ahead. They take room while they wait: only the checks of a host that were
/// used last have any (see [`HostLimits::standby_checks`](crate::HostLimits::standby_checks)).
#[derive(Default)]
pub(crate) struct Ahead {
    cap: usize,
    /// Each with its share of the room for such.
    ready: Mutex<VecDeque<(Instance, Place)>>,
    is_being_filled: AtomicBool,
    last_used: AtomicU64,
}

impl Ahead {
    /// At most so many at a time; none for 0.
    pub(crate) fn new(cap: u32) -> Self {
        Self { cap: cap as usize, ..Self::default() }
    }

    /// One that is ready, if there is one; the next is made while this one serves.
    pub(crate) fn take(&self, check: &Arc<Inner>, now: Instant) -> Option<Instance> {
        if self.cap == 0 {
            return None;
        }
        self.last_used.store(check.plugin.host().age(now), Ordering::Relaxed);
        let (ready, left) = {
            let mut ready = lock(&self.ready);
            (ready.pop_front(), ready.len())
        };
        if left < self.cap && !self.is_being_filled.swap(true, Ordering::AcqRel) {
            let check = Arc::downgrade(check);
            let thread = std::thread::Builder::new().name("guardhouse-ahead".to_owned());
            let started = thread.spawn(move || {
                // A check that nobody has any more needs none.
                while check.upgrade().is_some_and(|check| check.ahead.add_one(&check)) {}
                if let Some(check) = check.upgrade() {
                    check.ahead.is_being_filled.store(false, Ordering::Release);
                }
            });
            if started.is_err() {
                self.is_being_filled.store(false, Ordering::Release);
            }
        }
        ready.map(|(instance, _)| instance)
    }

    /// How many are ready.
    pub(crate) fn ready(&self) -> usize {
        lock(&self.ready).len()
    }

    /// Makes one more; whether another is wanted.
    fn add_one(&self, check: &Arc<Inner>) -> bool {
        if self.ready() >= self.cap {
            return false;
        }
        let now = Instant::now();
        let end = now + check.limits.configure_deadline;
        let request = Request::none(check.seed(DecisionId::random()));
        let (host, pool) = (check.plugin.host(), check.plugin.pool());
        let made = block_on(async {
            let (program, settings) = program(check, now, end).await?;
            // Only what nobody waits for.
            let places = || {
                let ahead = host.room_ahead(pool).try_enter(program.weight)?;
                Some((ahead, host.room(pool).try_enter(program.weight)?))
            };
            let Some((ahead, shared)) = places() else { return Ok(None) };
            let mut instance = instance(check, program, request, end, shared);
            let words = instance.configure(settings, end).await?;
            // It keeps what it holds in the host from here to its request, and random numbers are a decision's own.
            Ok((words.is_ok() && instance.can_turn()).then_some((instance, ahead)))
        });
        // What cannot be made ahead is made at the request, where its fault is told.
        let Ok(Some(instance)) = made.flatten() else { return false };
        let count = {
            let mut ready = lock(&self.ready);
            ready.push_back(instance);
            ready.len()
        };
        if count == 1 {
            let resident: Arc<dyn Resident> = Arc::clone(check) as _;
            host.aheads(pool).add(Arc::downgrade(&resident));
        }
        // Whoever began to wait before it was there to leave did not see it.
        if host.room(pool).is_waited_for() {
            self.clear();
            return false;
        }
        true
    }

    fn clear(&self) {
        // Dropped after the lock.
        let ready = std::mem::take(&mut *lock(&self.ready));
        drop(ready);
    }
}

/// The check stands for its instances.
impl Resident for Inner {
    fn last_used(&self) -> Option<u64> {
        (self.ahead.ready() > 0).then(|| self.ahead.last_used.load(Ordering::Relaxed))
    }

    fn leave(&self) {
        self.ahead.clear();
    }
}
