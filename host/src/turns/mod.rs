//! Turns: the processor time of plugins, shared fairly between tenants.
//!
//! A turn is the right to run a guest on a thread. A host has as many turns as it may use processors. While nobody
//! waits, taking one and giving it back are a few atomic operations. Otherwise the next one goes to the tenant that has
//! used the least by weight ([`fair_queue`]), and never to anybody who came later and found it free.
//!
//! A turn is given to a waiter before its task has a thread. Until then, a request that has a thread may take it over, if
//! it is of the same tenant or of one that comes earlier: no turn is idle while there is work for it ([`waiting`]). Its
//! own tenant takes the turn of a waiter four times at most.
//!
//! A guest that computes gives its turn back at a tick, and is charged for what it used. Who then waits for the
//! processor keeps the tag, and so the claim, of its tenant ([`lane`]). If somebody arrives to whom a running guest must
//! give way, the guests are interrupted at once and not at the next tick.
//!
//! This module has no clock and no tasks: callers bring costs, ticks and wakers.

mod counts;
pub(crate) mod estimate;
pub(crate) mod fair_queue;
#[cfg(test)]
mod guarantees;
pub(crate) mod lane;
pub(crate) mod refusal;
#[cfg(test)]
mod schedules;
mod settings;
#[cfg(test)]
mod simulation;
pub(crate) mod usage;
pub(crate) mod virtual_time;
mod waiting;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};

use self::counts::Counts;
use self::estimate::Estimate;
use self::fair_queue::{Paid, Standing};
use self::lane::{Lane, is_before};
use self::refusal::Refusal;
pub(crate) use self::settings::TurnSettings;
use self::usage::{Events, TurnUsage};
use self::virtual_time::VirtualTime;
pub(crate) use self::waiting::WaiterId;
use self::waiting::{Waiter, WaiterState, Waiting};
use crate::util::lock::lock;

/// The turns of one host.
pub(crate) struct Turns {
    counts: Counts,
    time: Arc<VirtualTime>,
    waiting: Mutex<Waiting>,
    /// The tag of the lane that is next, while somebody waits.
    least: AtomicU64,
    ticks: AtomicU64,
    is_shared: AtomicBool,
    /// Whether a guest has computed for longer than a tick since the last one.
    is_long: AtomicBool,
    estimate: Estimate,
    settings: TurnSettings,
    events: Events,
    preempt: OnceLock<Box<dyn Fn() + Send + Sync>>,
    hasten: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The result of asking for a turn.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The caller has a turn.
    Taken(Paid),
    /// The caller must wait: see [`Turns::poll`].
    Waiting(WaiterId),
}

impl Turns {
    pub(crate) fn new(settings: TurnSettings) -> Self {
        let time = Arc::new(VirtualTime::new(settings.alignment()));
        Self {
            counts: Counts::new(settings.turns),
            waiting: Mutex::new(Waiting::new(Arc::clone(&time))),
            time,
            least: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            is_shared: AtomicBool::new(settings.is_shared),
            is_long: AtomicBool::new(false),
            estimate: Estimate::default(),
            settings,
            events: Events::default(),
            preempt: OnceLock::new(),
            hasten: OnceLock::new(),
        }
    }

    /// A lane for a new tenant.
    pub(crate) fn lane(&self) -> Arc<Lane> {
        Arc::new(self.time.lane())
    }

    /// Shares the processors between tenants from now on. A host with one tenant leaves that to the kernel.
    pub(crate) fn share(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    /// The estimate of what a turn of any tenant costs.
    pub(crate) fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    /// Sets the function that interrupts all running guests.
    pub(crate) fn set_preempt(&self, preempt: impl Fn() + Send + Sync + 'static) {
        // It is set once, when the engines of the host are made.
        let _ = self.preempt.set(Box::new(preempt));
    }

    /// Sets the function that is called when a guest is found to compute for longer than a tick.
    pub(crate) fn set_hasten(&self, hasten: impl Fn() + Send + Sync + 'static) {
        // It is set once, too.
        let _ = self.hasten.set(Box::new(hasten));
    }

    /// Takes a turn, if one is free and nobody waits.
    pub(crate) fn try_take(&self, lane: &Lane) -> bool {
        let taken = self.counts.try_take();
        if taken {
            self.time.serve(lane);
        }
        taken
    }

    /// Takes a turn, or waits for one. `estimate` is the probable cost of the turn, in nanoseconds.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`] for an arrival, if too many wait already.
    pub(crate) fn ask(
        &self,
        lane: &Arc<Lane>,
        estimate: u64,
        standing: Standing,
        waker: &Waker,
    ) -> Result<Asked, Refusal> {
        if self.try_take(lane) {
            return Ok(Asked::Taken(Paid::default()));
        }
        let (mut woken, waker, mut forgotten) = (Vec::new(), waker.clone(), None);
        let mut waiting = lock(&self.waiting);
        if let Some(paid) = waiting.take_over(lane, estimate, standing) {
            self.counts.add_waiter();
            self.give_free_turns(&mut waiting, &mut woken);
            // The lane that waits instead may come before that of another guest.
            let must_preempt = !waiting.queue.is_empty() && !waiting.queue.is_next(lane);
            drop(waiting);
            woken.into_iter().for_each(Waker::wake);
            self.preempt_if(must_preempt);
            return Ok(Asked::Taken(paid));
        }
        let most = lane.queue().unwrap_or(self.settings.queue_of_tenant);
        if standing == Standing::Arrival && waiting.queue.arrivals_of(lane) >= most {
            Events::count(&self.events.refused);
            return Err(Refusal::QueueFull);
        }
        Events::count(&self.events.waited);
        let id = waiting.add(lane, estimate, standing, waker);
        self.counts.add_waiter();
        if waiting.queue.arrivals() > self.settings.queue
            && let Some(refused) = waiting.refuse_greediest()
        {
            self.counts.remove_waiter();
            Events::count(&self.events.refused);
            woken.push(refused);
        }
        // A turn may have become free before the waiter was counted.
        self.give_free_turns(&mut waiting, &mut woken);
        let asked = match waiting.state(id) {
            Some(WaiterState::Queued(_)) => Ok(Asked::Waiting(id)),
            state => {
                forgotten = waiting.forget(id);
                self.answer(state).map(Asked::Taken)
            }
        };
        let must_preempt = matches!(asked, Ok(Asked::Waiting(_))) && waiting.queue.is_next(lane);
        drop(waiting);
        drop(forgotten);
        woken.into_iter().for_each(Waker::wake);
        self.preempt_if(must_preempt);
        asked
    }

    fn preempt_if(&self, must_preempt: bool) {
        if must_preempt && let Some(preempt) = self.preempt.get() {
            preempt();
        }
    }

    /// Whether a waiter has its turn now. `waker` is woken when that changes. A guest that goes on gives way to a waiter
    /// that comes before it by now.
    pub(crate) fn poll(&self, id: WaiterId, waker: &Waker) -> Poll<Result<Paid, Refusal>> {
        // What is declared before the lock is dropped after it.
        let (mut woken, waker) = (Vec::new(), waker.clone());
        let (_replaced, _forgotten);
        let mut waiting = lock(&self.waiting);
        _replaced = waiting.set_waker(id, waker);
        match waiting.state(id) {
            Some(WaiterState::Queued(_)) => {
                let Some(paid) = waiting.exchange(id) else { return Poll::Pending };
                _forgotten = waiting.forget(id);
                self.give_free_turns(&mut waiting, &mut woken);
                drop(waiting);
                woken.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(paid));
            }
            Some(WaiterState::Given(paid)) if waiting.hand_over(id, paid) => {}
            state => {
                _forgotten = waiting.forget(id);
                return Poll::Ready(self.answer(state));
            }
        }
        self.counts.add_waiter();
        self.counts.give_back();
        self.give_free_turns(&mut waiting, &mut woken);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Ends the wait of a waiter that no longer wants its turn. A turn that it was given passes on.
    pub(crate) fn leave(&self, id: WaiterId) {
        let mut woken = Vec::new();
        let mut waiting = lock(&self.waiting);
        let Some(Waiter { lane, state, waker, .. }) = waiting.forget(id) else { return };
        match state {
            WaiterState::Queued(ticket) => {
                waiting.queue.remove(&lane, ticket);
                self.counts.remove_waiter();
            }
            WaiterState::Given(paid) => {
                waiting.queue.refund(&lane, paid);
                self.counts.give_back();
            }
            WaiterState::Lapsed | WaiterState::Refused(_) => {}
        }
        self.give_free_turns(&mut waiting, &mut woken);
        drop(waiting);
        drop(waker);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Gives back a turn that took `cost` nanoseconds of processor time.
    pub(crate) fn give_back(&self, lane: &Arc<Lane>, paid: Paid, cost: u64) {
        if paid == Paid::default() {
            lane.charge(cost);
            if self.counts.try_give_back() {
                return;
            }
            self.give_back_with(|_| ());
        } else {
            self.give_back_with(|waiting| waiting.queue.settle(lane, paid, cost));
        }
    }

    /// Gives back a turn of a guest that wants to go on, which waits for the next one. It may get it at once.
    pub(crate) fn give_back_and_wait(
        &self,
        lane: &Arc<Lane>,
        paid: Paid,
        cost: u64,
        estimate: u64,
        waker: &Waker,
    ) -> WaiterId {
        let waker = waker.clone();
        self.give_back_with(|waiting| {
            if paid == Paid::default() {
                lane.charge(cost);
            } else {
                waiting.queue.settle(lane, paid, cost);
            }
            self.counts.add_waiter();
            waiting.add(lane, estimate, Standing::Returning, waker)
        })
    }

    /// Whether a lane waits that comes before the one of a guest that runs, has `paid`, and has used `used` nanoseconds of
    /// its turn.
    pub(crate) fn must_yield(&self, lane: &Lane, paid: Paid, used: u64) -> bool {
        if self.counts.waiting() == 0 {
            return false;
        }
        let (least, tag) = (self.least.load(Ordering::Relaxed), lane.tag());
        // The lane of the guest may itself be the next.
        least != tag && is_before(least, lane.tag_after(paid.0, used))
    }

    /// The number of ticks so far.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Counts ticks: the time since the last call, in whole ticks. Turns that were given long ago and are not taken, because
    /// the thread of their task is blocked, pass on.
    pub(crate) fn tick(&self, passed: u64) {
        let tick = self.ticks.fetch_add(passed, Ordering::Relaxed) + passed;
        if self.counts.waiting() == 0 {
            return;
        }
        let mut woken = Vec::new();
        let mut waiting = lock(&self.waiting);
        for _ in 0..waiting.lapse(tick.saturating_sub(self.settings.ticks_to_take)) {
            self.counts.give_back();
            Events::count(&self.events.lapsed);
        }
        self.give_free_turns(&mut waiting, &mut woken);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Records that a guest has computed for longer than a tick.
    pub(crate) fn note_long(&self) {
        if !self.is_long.swap(true, Ordering::SeqCst)
            && let Some(hasten) = self.hasten.get()
        {
            hasten();
        }
    }

    /// Whether a guest has computed for longer than a tick since [`take_long`](Self::take_long) was called last.
    pub(crate) fn is_long(&self) -> bool {
        self.is_long.load(Ordering::SeqCst)
    }

    /// Whether a guest has computed for longer than a tick since this was asked last.
    pub(crate) fn take_long(&self) -> bool {
        self.is_long.swap(false, Ordering::SeqCst)
    }

    /// Records that a guest gave way before its tick.
    pub(crate) fn count_preempted(&self) {
        Events::count(&self.events.preempted);
    }

    /// The turns now, and what has happened so far.
    pub(crate) fn usage(&self) -> TurnUsage {
        self.events.usage(self.settings.turns, self.counts.free(), self.counts.waiting())
    }

    /// The number of free turns, and that of waiters.
    #[cfg(test)]
    pub(crate) fn free_and_waiting(&self) -> (i32, u32) {
        (self.counts.free(), self.counts.waiting())
    }

    /// The number of waiters that are not forgotten.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// The number of waiters in the queue, and of those that were given a turn and have not taken it.
    #[cfg(test)]
    fn queued_and_given(&self) -> (usize, usize) {
        lock(&self.waiting).queued_and_given()
    }

    #[cfg(test)]
    fn set_time(&self, tag: u64) {
        self.time.set(tag);
    }

    /// The end of the wait of a waiter that is not in the queue any more.
    fn answer(&self, state: Option<WaiterState>) -> Result<Paid, Refusal> {
        match state {
            Some(WaiterState::Given(paid)) => Ok(paid),
            Some(WaiterState::Refused(refusal)) => Err(refusal),
            // Its turn passed on. It is not made to wait again, or a host whose threads are slow would do nothing else.
            Some(WaiterState::Lapsed | WaiterState::Queued(_)) | None => {
                self.counts.take_beyond();
                Ok(Paid::default())
            }
        }
    }

    fn give_back_with<R>(&self, charge: impl FnOnce(&mut Waiting) -> R) -> R {
        let mut woken = Vec::new();
        let mut waiting = lock(&self.waiting);
        let result = charge(&mut waiting);
        self.counts.give_back();
        self.give_free_turns(&mut waiting, &mut woken);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    /// Gives the free turns to those that wait, and publishes which lane is next after them.
    fn give_free_turns(&self, waiting: &mut Waiting, woken: &mut Vec<Waker>) {
        while self.counts.free() > 0
            && let Some(waker) = waiting.give_to_next(self.ticks())
        {
            self.counts.serve_waiter();
            woken.push(waker);
        }
        if let Some(least) = waiting.queue.least_tag() {
            self.least.store(least, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("counts", &self.counts).finish_non_exhaustive()
    }
}
