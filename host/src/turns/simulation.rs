//! A machine on a virtual clock, whose processors run guests in turns.
//!
//! Guests compute, and do nothing else. They are interrupted at ticks and by preemption, as those of a host are, and take
//! a turn in the instant in which they get it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use super::fair_queue::{Paid, Standing};
use super::lane::Lane;
use super::refusal::Refusal;
use super::{Asked, TurnSettings, Turns, WaiterId};
use crate::tuning::PREEMPTION_INTERVAL;
use crate::util::lock::lock;
use crate::util::microseconds::nanoseconds;

pub(super) const MICROSECOND: u64 = 1_000;
pub(super) const MILLISECOND: u64 = 1_000_000;
/// The interval of the ticks.
pub(super) const TICK: u64 = MILLISECOND;

/// The work of a guest that never ends.
pub(super) const ENDLESS: u64 = u64::MAX / 4;

pub(super) type GuestId = usize;

/// A machine with a number of processors. All times are in nanoseconds.
pub(super) struct Machine {
    pub(super) turns: Arc<Turns>,
    pub(super) now: u64,
    processors: usize,
    has_preemption: bool,
    guests: BTreeMap<GuestId, Guest>,
    last_guest: GuestId,
    next_tick: u64,
    last_interruption: Option<u64>,
    is_preemption_wanted: Arc<AtomicBool>,
    woken: Arc<Mutex<Vec<GuestId>>>,
    /// The processor time that each tenant has had, by its place in `tenants`.
    pub(super) served: Vec<u64>,
    tenants: Vec<Arc<Lane>>,
    /// The wake-ups so far.
    pub(super) wakes: usize,
    /// The guests that ended, with the time at which each ended.
    pub(super) ended: BTreeMap<GuestId, u64>,
    pub(super) refused: Vec<GuestId>,
    /// The time that each guest waited for its first turn.
    pub(super) first_waits: BTreeMap<GuestId, u64>,
}

struct Guest {
    tenant: usize,
    arrived: u64,
    left: u64,
    /// The time after which it yields by itself.
    yields_after: u64,
    /// Whether it cannot be interrupted, like an instance that is being dropped.
    is_rigid: bool,
    estimate: u64,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    Waiting(WaiterId),
    Running { since: u64, paid: Paid },
}

/// A guest that arrives.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) work: u64,
    pub(super) yields_after: u64,
    pub(super) is_rigid: bool,
    pub(super) estimate: u64,
}

impl Default for Arrival {
    fn default() -> Self {
        Self { work: ENDLESS, yields_after: ENDLESS, is_rigid: false, estimate: 20 * MICROSECOND }
    }
}

impl Machine {
    pub(super) fn new(processors: u32) -> Self {
        Self::with(TurnSettings {
            turns: processors,
            tick: Duration::from_nanos(TICK),
            queue_of_tenant: usize::MAX,
            queue: usize::MAX,
            ticks_to_take: u64::MAX,
            is_shared: true,
        })
    }

    pub(super) fn with(settings: TurnSettings) -> Self {
        let turns = Arc::new(Turns::new(settings));
        let is_preemption_wanted = Arc::new(AtomicBool::new(false));
        let wanted = Arc::clone(&is_preemption_wanted);
        turns.set_preempt(move || wanted.store(true, Ordering::Relaxed));
        Self {
            turns,
            now: 0,
            processors: settings.turns as usize,
            has_preemption: true,
            guests: BTreeMap::new(),
            last_guest: 0,
            next_tick: TICK,
            last_interruption: None,
            is_preemption_wanted,
            woken: Arc::default(),
            served: Vec::new(),
            tenants: Vec::new(),
            wakes: 0,
            ended: BTreeMap::new(),
            refused: Vec::new(),
            first_waits: BTreeMap::new(),
        }
    }

    /// The same machine, in which guests are interrupted at ticks only.
    pub(super) fn without_preemption(self) -> Self {
        Self { has_preemption: false, ..self }
    }

    pub(super) fn tenant(&mut self, weight: u32) -> usize {
        let lane = self.turns.lane();
        lane.set_weight(weight);
        self.tenants.push(lane);
        self.served.push(0);
        self.tenants.len() - 1
    }

    pub(super) fn lane(&self, tenant: usize) -> &Arc<Lane> {
        &self.tenants[tenant]
    }

    /// A guest arrives now.
    pub(super) fn arrive(&mut self, tenant: usize, arrival: Arrival) -> GuestId {
        let Arrival { work: left, yields_after, is_rigid, estimate } = arrival;
        self.last_guest += 1;
        let id = self.last_guest;
        let waker = self.waker(id);
        let stage = match self.turns.ask(&self.tenants[tenant], estimate, Standing::Arrival, &waker) {
            Ok(Asked::Taken(paid)) => {
                self.first_waits.insert(id, 0);
                Stage::Running { since: self.now, paid }
            }
            Ok(Asked::Waiting(waiter)) => Stage::Waiting(waiter),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::QueueFull);
                self.refused.push(id);
                return id;
            }
        };
        self.guests.insert(id, Guest { tenant, arrived: self.now, left, yields_after, is_rigid, estimate, stage });
        self.settle();
        id
    }

    /// Runs until a time, and calls `look` whenever something has happened.
    pub(super) fn run_until(&mut self, end: u64, mut look: impl FnMut(&Self)) {
        while self.now < end {
            let next = self.next_event().min(end);
            self.pass(next - self.now);
            self.meet();
            self.settle();
            self.check();
            look(self);
        }
    }

    /// The time of the next tick, interruption, or end of a guest.
    fn next_event(&self) -> u64 {
        let until = |guest: &Guest| match guest.stage {
            Stage::Running { since, .. } => Some((self.now + guest.left).min(since + guest.yields_after)),
            Stage::Waiting(_) => None,
        };
        let guests = self.guests.values().filter_map(until).min().unwrap_or(ENDLESS);
        let interruption = self.interruption().unwrap_or(ENDLESS);
        self.next_tick.min(guests).min(interruption.max(self.now))
    }

    /// The time at which the guests must be interrupted, if they must.
    fn interruption(&self) -> Option<u64> {
        let is_wanted = self.has_preemption && self.is_preemption_wanted.load(Ordering::Relaxed);
        let earliest = self.last_interruption.map_or(0, |last| last + nanoseconds(PREEMPTION_INTERVAL));
        is_wanted.then_some(earliest)
    }

    fn pass(&mut self, time: u64) {
        self.now += time;
        for guest in self.guests.values_mut() {
            if matches!(guest.stage, Stage::Running { .. }) {
                guest.left -= time;
                self.served[guest.tenant] += time;
            }
        }
    }

    /// Ends guests that are done, and interrupts those that must give way.
    fn meet(&mut self) {
        for id in self.ids() {
            let Some(guest) = self.guests.get(&id) else { continue };
            let Stage::Running { since, paid } = guest.stage else { continue };
            if guest.left == 0 {
                self.turns.give_back(&self.tenants[guest.tenant], paid, self.now - since);
                self.guests.remove(&id);
                self.ended.insert(id, self.now);
            } else if self.now - since >= guest.yields_after {
                self.interrupt(id);
            }
        }
        let is_tick = self.now >= self.next_tick;
        let is_interruption = self.interruption().is_some_and(|at| self.now >= at);
        if is_tick {
            self.next_tick += TICK;
            self.turns.tick(1);
        }
        if is_tick || is_interruption {
            self.last_interruption = Some(self.now);
            self.is_preemption_wanted.store(false, Ordering::Relaxed);
        }
        for id in self.ids() {
            let Some(guest) = self.guests.get(&id) else { continue };
            let Stage::Running { since, paid } = guest.stage else { continue };
            let must_yield = self.turns.must_yield(&self.tenants[guest.tenant], paid, self.now - since);
            if !guest.is_rigid && self.now > since && (is_tick || is_interruption && must_yield) {
                self.interrupt(id);
            }
        }
    }

    fn interrupt(&mut self, id: GuestId) {
        let waker = self.waker(id);
        let Some(guest) = self.guests.get_mut(&id) else { return };
        let Stage::Running { since, paid } = guest.stage else { return };
        let (lane, cost) = (&self.tenants[guest.tenant], self.now - since);
        guest.stage = Stage::Waiting(self.turns.give_back_and_wait(lane, paid, cost, guest.estimate.min(TICK), &waker));
    }

    /// Lets the guests that were woken take their turns.
    fn settle(&mut self) {
        loop {
            let woken = std::mem::take(&mut *lock(&self.woken));
            if woken.is_empty() {
                return;
            }
            self.wakes += woken.len();
            for id in woken {
                let waker = self.waker(id);
                let Some(guest) = self.guests.get_mut(&id) else { continue };
                let Stage::Waiting(waiter) = guest.stage else { continue };
                match self.turns.poll(waiter, &waker) {
                    Poll::Ready(Ok(paid)) => {
                        guest.stage = Stage::Running { since: self.now, paid };
                        self.first_waits.entry(id).or_insert(self.now - guest.arrived);
                    }
                    Poll::Ready(Err(_)) => {
                        self.guests.remove(&id);
                        self.refused.push(id);
                    }
                    Poll::Pending => {}
                }
            }
        }
    }

    /// A guest is dropped, whatever it is doing.
    pub(super) fn drop_guest(&mut self, id: GuestId) {
        let Some(guest) = self.guests.remove(&id) else { return };
        match guest.stage {
            Stage::Waiting(waiter) => self.turns.leave(waiter),
            Stage::Running { since, paid } => {
                self.turns.give_back(&self.tenants[guest.tenant], paid, self.now - since);
            }
        }
        self.settle();
    }

    /// No processor is idle while a guest waits, none runs two, and all counts are exact.
    fn check(&self) {
        let running = self.running();
        let waiting = self.guests.len() - running;
        let free = i32::try_from(self.processors - running).unwrap();
        assert_eq!(self.turns.free_and_waiting(), (free, u32::try_from(waiting).unwrap()), "at {}", self.now);
        assert!(waiting == 0 || free == 0, "{free} processors are idle while {waiting} wait, at {}", self.now);
    }

    pub(super) fn running(&self) -> usize {
        self.guests.values().filter(|guest| matches!(guest.stage, Stage::Running { .. })).count()
    }

    pub(super) fn ids(&self) -> Vec<GuestId> {
        self.guests.keys().copied().collect()
    }

    fn waker(&self, id: GuestId) -> Waker {
        Waker::from(Arc::new(Woken { id, woken: Arc::clone(&self.woken) }))
    }
}

struct Woken {
    id: GuestId,
    woken: Arc<Mutex<Vec<GuestId>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        lock(&self.woken).push(self.id);
    }
}
