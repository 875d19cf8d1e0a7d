//! Fair admission: units of a resource that tenants share, such as the instances of a pool, and one queue in front of
//! them, in which the tenant is next that has used the least by weight.
//!
//! The use of a unit costs the time for which it is held, unless its holder says what it cost. A tenant is charged for an
//! estimate when it is served, which is corrected at the end. A full queue loses the newest waiter of the tenant that has
//! the most by weight.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::rules::{Pass, Rules, Wish};
use crate::fault::{Cause, Fault};
use crate::tenant::Tenant;
use crate::tenant::share::{Resource, Share};
use crate::turns::fair_queue::{Choice, FairQueue, Paid, Standing, Ticket};
use crate::turns::virtual_time::{Alignment, VirtualTime};
use crate::util::lock::lock;
use crate::util::microseconds::nanoseconds;

/// The weight of the newest cost in the mean, as a divisor.
const MEAN_DIVISOR: u64 = 8;

/// The units of one resource.
pub(crate) struct FairAdmission(Arc<Inner>);

/// The settings of a resource.
pub(super) struct Settings {
    /// The name of a unit, for faults.
    pub(super) what: &'static str,
    pub(super) resource: Resource,
    pub(super) units: u32,
    /// The number of callers that may wait.
    pub(super) queue: usize,
    pub(super) rules: Rules,
    /// The time that a tenant may be behind the others when it becomes active: it comes before those that always wait.
    pub(super) credit: Duration,
    /// The time that a tenant may be ahead of the others when it becomes active, for each unit.
    pub(super) debt: Duration,
}

struct Inner {
    settings: Settings,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    time: Arc<VirtualTime>,
    /// The part of all work without a tenant.
    no_tenant: Arc<Share>,
    /// The part of the instances that wait for a request.
    standby: Arc<Share>,
    state: Mutex<State>,
}

struct State {
    used: u32,
    queue: FairQueue<Waiter>,
    /// The mean cost of a unit.
    mean: u64,
}

struct Waiter {
    share: Arc<Share>,
    units: u32,
    most: u32,
    answer: oneshot::Sender<Result<FairPermit, Refused>>,
}

/// The queue was full, and this waiter was the newest of the tenant with the most.
struct Refused;

/// Some units, which are given back when this is dropped.
pub(crate) struct FairPermit {
    inner: Arc<Inner>,
    share: Arc<Share>,
    units: u32,
    paid: Paid,
    since: u64,
    /// The cost, if it is not the time for which it was held.
    cost: Option<u64>,
}

/// What a caller got that asked for units.
enum Asked {
    Permit(FairPermit),
    Waits(Ticket, oneshot::Receiver<Result<FairPermit, Refused>>),
}

/// Answers, which are sent after the lock is released: an answer that nobody takes gives its units back.
type Answers = Vec<(oneshot::Sender<Result<FairPermit, Refused>>, Result<FairPermit, Refused>)>;

impl FairAdmission {
    pub(super) fn new(settings: Settings) -> Self {
        let made = Instant::now();
        Self::with_clock(settings, move || nanoseconds(made.elapsed()))
    }

    fn with_clock(settings: Settings, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let debt = nanoseconds(settings.debt).saturating_mul(settings.units.into());
        let credit = nanoseconds(settings.credit);
        let alignment = Alignment { credit, debt, parallel: usize::try_from(settings.units).unwrap_or(usize::MAX) };
        let time = Arc::new(VirtualTime::new(alignment));
        let state = State { used: 0, queue: FairQueue::new(Arc::clone(&time)), mean: 1 };
        Self(Arc::new(Inner {
            settings,
            clock: Box::new(clock),
            no_tenant: Arc::new(Share::new(time.lane(), false)),
            standby: Arc::new(Share::new(time.lane(), false)),
            time,
            state: Mutex::new(state),
        }))
    }

    /// Waits for `units`. Work of the host has no tenant.
    ///
    /// # Errors
    /// A fault if they are not free until `end`, or if the queue is full.
    pub(crate) async fn admit(&self, tenant: Option<&Tenant>, units: u32, end: Instant) -> Result<FairPermit, Fault> {
        self.admit_evicting(tenant, units, end, || ()).await
    }

    /// Waits for `units` without an end. Returns `None` if the queue is full. No clock of the runtime is used, so the end
    /// of a rest wakes nobody: a tenant that rests is served once another unit is free, whose holder serves those that wait.
    pub(crate) async fn admit_in_the_end(&self, tenant: Option<&Tenant>, units: u32) -> Option<FairPermit> {
        let (share, most) = self.0.share(tenant);
        let (ticket, answer) = match self.0.ask(&share, units, most) {
            Asked::Permit(permit) => return Some(permit),
            Asked::Waits(ticket, answer) => (ticket, answer),
        };
        let _waiting = Waiting { inner: &self.0, share: &share, ticket };
        self.0.bound_queue();
        answer.await.ok()?.ok()
    }

    /// Like [`admit`](Self::admit), but calls `evict` to evict standby instances before waiting.
    pub(crate) async fn admit_evicting(
        &self,
        tenant: Option<&Tenant>,
        units: u32,
        end: Instant,
        evict: impl FnOnce(),
    ) -> Result<FairPermit, Fault> {
        let (share, most) = self.0.share(tenant);
        let (ticket, mut answer) = match self.0.ask(&share, units, most) {
            Asked::Permit(permit) => return Ok(permit),
            Asked::Waits(ticket, answer) => (ticket, answer),
        };
        let _waiting = Waiting { inner: &self.0, share: &share, ticket };
        // From here on, the threads that make standby instances see the waiter, and evict what they have made.
        evict();
        self.0.bound_queue();
        loop {
            let wait = self.0.settings.rules.time_to_wait(&share, (self.0.clock)());
            let until = wait.map_or(end, |wait| end.min(Instant::now() + wait));
            match tokio::time::timeout_at(until.into(), &mut answer).await {
                Ok(Ok(Ok(permit))) => return Ok(permit),
                Ok(_) => return Err(self.0.queue_is_full(&share)),
                Err(_) if until < end => self.0.grant_again(),
                Err(_) => {
                    let detail = format!("no {} slot became free within the deadline", self.0.settings.what);
                    return Err(Fault::new(Cause::NoCapacity, detail));
                }
            }
        }
    }

    /// Units for a standby instance, if they are free and nobody waits.
    pub(crate) fn try_standby(&self, units: u32) -> Option<FairPermit> {
        let mut state = lock(&self.0.state);
        let is_free = state.queue.is_empty() && state.used.saturating_add(units) <= self.0.settings.units;
        is_free.then(|| self.0.take(&mut state, &self.0.standby, units, Paid::default()))
    }

    /// Whether a caller waits.
    pub(crate) fn has_waiters(&self) -> bool {
        !lock(&self.0.state).queue.is_empty()
    }
}

impl Inner {
    /// The part of a tenant, and the units that it may hold.
    fn share(&self, tenant: Option<&Tenant>) -> (Arc<Share>, u32) {
        let all = self.settings.units;
        let tenant = tenant.filter(|tenant| tenant.is_named());
        let share = tenant.and_then(|tenant| {
            let share = tenant.share(self.settings.resource, || Share::new(self.time.lane(), true))?;
            Some((Arc::clone(share), tenant.most_instances(all)))
        });
        share.unwrap_or_else(|| (Arc::clone(&self.no_tenant), all))
    }

    /// Takes units, or waits for them.
    fn ask(self: &Arc<Self>, share: &Arc<Share>, units: u32, most: u32) -> Asked {
        let mut state = lock(&self.state);
        if state.queue.is_empty() && self.pass(&state).choose(&Wish { share, units, most }) == Choice::Serve {
            self.time.serve(&share.lane);
            return Asked::Permit(self.take(&mut state, share, units, Paid::default()));
        }
        let (sender, answer) = oneshot::channel();
        let estimate = state.mean.saturating_mul(units.into());
        let waiter = Waiter { share: Arc::clone(share), units, most, answer: sender };
        let ticket = state.queue.add(&share.lane, waiter, estimate, Standing::Arrival);
        // The others may all wait for something else.
        let answers = self.grant(&mut state);
        drop(state);
        send(answers);
        Asked::Waits(ticket, answer)
    }

    fn pass(&self, state: &State) -> Pass {
        self.settings.rules.pass(self.settings.units, state.used, (self.clock)())
    }

    /// Serves those that may be served now.
    fn grant(self: &Arc<Self>, state: &mut State) -> Answers {
        let mut answers = Answers::new();
        loop {
            let mut pass = self.pass(state);
            let choose =
                |waiter: &Waiter| pass.choose(&Wish { share: &waiter.share, units: waiter.units, most: waiter.most });
            let Some(served) = state.queue.serve_where(choose) else { return answers };
            let Waiter { share, units, answer, .. } = served.item;
            answers.push((answer, Ok(self.take(state, &share, units, served.paid))));
        }
    }

    fn grant_again(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        let answers = self.grant(&mut state);
        drop(state);
        send(answers);
    }

    fn take(self: &Arc<Self>, state: &mut State, share: &Arc<Share>, units: u32, paid: Paid) -> FairPermit {
        state.used = state.used.saturating_add(units);
        share.take(units);
        let (inner, share, since) = (Arc::clone(self), Arc::clone(share), (self.clock)());
        FairPermit { inner, share, units, paid, since, cost: None }
    }

    /// Refuses waiters until no more wait than may.
    fn bound_queue(&self) {
        let mut answers = Answers::new();
        let mut state = lock(&self.state);
        while state.queue.arrivals() > self.settings.queue
            && let Some(waiter) = state.queue.remove_newest_of_greediest()
        {
            answers.push((waiter.answer, Err(Refused)));
        }
        drop(state);
        send(answers);
    }

    fn queue_is_full(&self, share: &Share) -> Fault {
        let Settings { what, queue, .. } = self.settings;
        if share.is_tenant {
            let detail = format!("the queue of {queue} for an {what} slot is full, and this tenant has the most in it");
            Fault::new(Cause::QueueFull, detail)
        } else {
            Fault::new(Cause::NoCapacity, format!("no {what} slot is free, and the queue of {queue} is full"))
        }
    }

    /// Ends the wait of a waiter that is still in the queue. It may have kept others from being served.
    fn leave(self: &Arc<Self>, share: &Share, ticket: Ticket) {
        let mut state = lock(&self.state);
        let left = state.queue.remove(&share.lane, ticket);
        let answers = if left.is_some() { self.grant(&mut state) } else { Answers::new() };
        drop(state);
        send(answers);
    }

    fn give_back(self: &Arc<Self>, permit: &FairPermit) {
        let now = (self.clock)();
        let held = now.saturating_sub(permit.since).saturating_mul(permit.units.into());
        let cost = permit.cost.unwrap_or(held);
        let (share, units) = (&permit.share, permit.units);
        let mut state = lock(&self.state);
        state.used = state.used.saturating_sub(units);
        share.give_back(units);
        share.rest_until(self.settings.rules.rested_at(share, cost, now));
        state.queue.settle(&share.lane, permit.paid, cost);
        let of_unit = cost.checked_div(units.into()).unwrap_or(cost);
        state.mean = (state.mean - state.mean / MEAN_DIVISOR).saturating_add(of_unit / MEAN_DIVISOR).max(1);
        let answers = if state.queue.is_empty() {
            Answers::new()
        } else {
            if share.take_passed_over() {
                state.queue.resume(&share.lane);
            }
            self.grant(&mut state)
        };
        drop(state);
        send(answers);
    }
}

impl FairPermit {
    /// Sets the cost of the use, which otherwise is the time for which the units are held.
    pub(crate) fn set_cost(&mut self, cost: Duration) {
        self.cost = Some(nanoseconds(cost));
    }

    /// Passes the units of a standby instance to the tenant whose request it serves. Returns `false` if the tenant holds
    /// all that it may; the units stay as they are then.
    pub(crate) fn pass_to(&mut self, tenant: &Tenant) -> bool {
        let (share, most) = self.inner.share(Some(tenant));
        let now = (self.inner.clock)();
        let state = lock(&self.inner.state);
        // The units are in use already: what matters is what the tenant holds.
        let is_allowed = !share.is_tenant || share.held() == 0 || share.held().saturating_add(self.units) <= most;
        if is_allowed {
            self.share.give_back(self.units);
            share.take(self.units);
            self.inner.time.serve(&share.lane);
            self.share = share;
            self.since = now;
        }
        drop(state);
        is_allowed
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let inner = Arc::clone(&self.inner);
        inner.give_back(self);
    }
}

impl fmt::Debug for FairPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairPermit").field("units", &self.units).finish_non_exhaustive()
    }
}

/// A caller that waits, which leaves the queue when this is dropped.
struct Waiting<'a> {
    inner: &'a Arc<Inner>,
    share: &'a Share,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.inner.leave(self.share, self.ticket);
    }
}

fn send(answers: Answers) {
    for (sender, answer) in answers {
        // A caller that has gone gives the units back.
        drop(sender.send(answer));
    }
}

#[cfg(test)]
mod tests;
