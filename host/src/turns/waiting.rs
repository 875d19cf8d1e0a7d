//! The waiters for turns, each with the waker of its task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use super::fair_queue::{FairQueue, Paid, Standing, Ticket};
use super::lane::{Lane, is_before};
use super::refusal::Refusal;
use super::virtual_time::VirtualTime;

/// Everything that is behind the lock of [`Turns`](super::Turns).
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) queue: FairQueue<WaiterId>,
    waiters: BTreeMap<WaiterId, Waiter>,
    /// The waiters that were given a turn, and have not taken it yet.
    given: Vec<Given>,
    last: u64,
}

/// The times that others of its lane may take the turn of a waiter. Its thread may always be a moment later than another
/// one, whose task asks again and again. Other lanes pay for each time, and come later than its own in the end.
const MOST_OVERTAKEN: u8 = 4;

/// A waiter that was given a turn.
#[derive(Debug, Clone, Copy)]
struct Given {
    id: WaiterId,
    /// The number of the tick.
    tick: u64,
    /// Its place in the queue, to which it returns if the turn is taken from it.
    ticket: Ticket,
}

/// The number of a waiter, which is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaiterId(u64);

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) lane: Arc<Lane>,
    pub(super) state: WaiterState,
    estimate: u64,
    standing: Standing,
    /// The times that others of its lane took its turn.
    overtaken: u8,
    pub(super) waker: Waker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaiterState {
    Queued(Ticket),
    /// It was given a turn, and has not taken it yet.
    Given(Paid),
    /// It was given a turn and did not take it in time, so the turn passed on.
    Lapsed,
    Refused(Refusal),
}

impl Waiting {
    pub(super) fn new(time: Arc<VirtualTime>) -> Self {
        Self { queue: FairQueue::new(time), waiters: BTreeMap::new(), given: Vec::new(), last: 0 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// The number of waiters in the queue, and of those that were given a turn and have not taken it.
    #[cfg(test)]
    pub(super) fn queued_and_given(&self) -> (usize, usize) {
        let queued = self.waiters.values().filter(|waiter| matches!(waiter.state, WaiterState::Queued(_))).count();
        let given = self.waiters.values().filter(|waiter| matches!(waiter.state, WaiterState::Given(_))).count();
        assert_eq!(given, self.given.len(), "each is listed once");
        (queued, given)
    }

    pub(super) fn add(&mut self, lane: &Arc<Lane>, estimate: u64, standing: Standing, waker: Waker) -> WaiterId {
        self.last += 1;
        let id = WaiterId(self.last);
        let ticket = self.queue.add(lane, id, estimate, standing);
        let state = WaiterState::Queued(ticket);
        let lane = Arc::clone(lane);
        self.waiters.insert(id, Waiter { lane, state, estimate, standing, overtaken: 0, waker });
        id
    }

    /// The state of a waiter.
    pub(super) fn state(&self, id: WaiterId) -> Option<WaiterState> {
        self.waiters.get(&id).map(|waiter| waiter.state)
    }

    /// Sets the waker of a waiter, also of one that may wait again. Returns the one that is no longer needed, which must
    /// be dropped after the lock: it may do anything.
    pub(super) fn set_waker(&mut self, id: WaiterId, waker: Waker) -> Waker {
        match self.waiters.get_mut(&id) {
            Some(waiter) => std::mem::replace(&mut waiter.waker, waker),
            None => waker,
        }
    }

    /// Takes a turn back from a waiter that was given it for a further time and has not taken it, if a lane waits that
    /// comes before its own. It waits again. Returns whether that is so.
    pub(super) fn hand_over(&mut self, id: WaiterId, paid: Paid) -> bool {
        let (Some(waiter), Some(least)) = (self.waiters.get_mut(&id), self.queue.least_tag()) else { return false };
        let is_returning = matches!(waiter.standing, Standing::Returning | Standing::Resuming);
        if !is_returning || !is_before(least, waiter.lane.tag_before(paid.0)) {
            return false;
        }
        self.queue.refund(&waiter.lane, paid);
        let ticket = self.queue.add(&waiter.lane, id, waiter.estimate, Standing::Returning);
        waiter.state = WaiterState::Queued(ticket);
        self.given.retain(|given| given.id != id);
        true
    }

    /// Takes a turn from a waiter that was given it and has not taken it, for a lane that comes no later than its own, and
    /// charges that lane for the estimate. The waiter is the first of its lane again. Only this way no turn is idle while
    /// the task of a waiter has no thread. Its own lane takes it at most [`MOST_OVERTAKEN`] times, and only while no lane
    /// waits that comes before it by now.
    pub(super) fn take_over(&mut self, lane: &Arc<Lane>, estimate: u64, standing: Standing) -> Option<Paid> {
        self.queue.align(lane, standing);
        let least = self.queue.least_tag();
        let (at, given, paid) = self.given.iter().enumerate().find_map(|(at, given)| {
            let waiter = self.waiters.get(&given.id)?;
            let WaiterState::Given(paid) = waiter.state else { return None };
            let tag = waiter.lane.tag_before(paid.0);
            let may_take = if Arc::ptr_eq(&waiter.lane, lane) {
                waiter.overtaken < MOST_OVERTAKEN && !least.is_some_and(|least| is_before(least, tag))
            } else {
                is_before(lane.tag(), tag)
            };
            may_take.then_some((at, *given, paid))
        })?;
        let waiter = self.waiters.get_mut(&given.id)?;
        waiter.overtaken += u8::from(Arc::ptr_eq(&waiter.lane, lane));
        self.given.swap_remove(at);
        self.queue.refund(&waiter.lane, paid);
        self.queue.put_back(&waiter.lane, given.id, given.ticket, waiter.estimate, waiter.standing);
        waiter.state = WaiterState::Queued(given.ticket);
        Some(self.queue.serve_instead(lane, estimate))
    }

    /// Takes a turn from another waiter of the same lane that was given it and has not taken it, for one that waits too.
    /// That one is then no longer in the queue.
    pub(super) fn exchange(&mut self, id: WaiterId) -> Option<Paid> {
        let waiter = self.waiters.get(&id)?;
        let WaiterState::Queued(ticket) = waiter.state else { return None };
        let (lane, estimate) = (Arc::clone(&waiter.lane), waiter.estimate);
        let paid = self.take_over(&lane, estimate, Standing::Returning)?;
        self.queue.remove(&lane, ticket);
        Some(paid)
    }

    /// Forgets a waiter, which must not be in the queue any more. Returns its lane and its last state.
    pub(super) fn forget(&mut self, id: WaiterId) -> Option<Waiter> {
        self.given.retain(|given| given.id != id);
        self.waiters.remove(&id)
    }

    /// Gives a turn to the waiter that is next. Returns its waker, or `None` if nobody waits.
    pub(super) fn give_to_next(&mut self, tick: u64) -> Option<Waker> {
        let served = self.queue.serve()?;
        self.given.push(Given { id: served.item, tick, ticket: served.ticket });
        let waiter = self.waiters.get_mut(&served.item)?;
        waiter.state = WaiterState::Given(served.paid);
        Some(waiter.waker.clone())
    }

    /// Refuses the newest arrival of the greediest lane. Returns its waker.
    pub(super) fn refuse_greediest(&mut self) -> Option<Waker> {
        let id = self.queue.remove_newest_of_greediest()?;
        let waiter = self.waiters.get_mut(&id)?;
        waiter.state = WaiterState::Refused(Refusal::QueueFull);
        Some(waiter.waker.clone())
    }

    /// Lets the turns lapse that were given before the tick `before` and have not been taken. Returns their number.
    pub(super) fn lapse(&mut self, before: u64) -> usize {
        let mut lapsed = 0;
        for given in self.given.extract_if(.., |given| given.tick < before) {
            let Some(waiter) = self.waiters.get_mut(&given.id) else { continue };
            if let WaiterState::Given(paid) = waiter.state {
                self.queue.refund(&waiter.lane, paid);
                waiter.state = WaiterState::Lapsed;
                lapsed += 1;
            }
        }
        lapsed
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::turns::virtual_time::Alignment;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_waiter_that_waits_again_is_woken_by_its_newest_waker() {
        let [old, new] = [(); 2].map(|()| Waker::from(Arc::new(Task)));
        let time = Arc::new(VirtualTime::new(Alignment { credit: 0, debt: 0, parallel: 1 }));
        let [lane, other] = [(); 2].map(|()| Arc::new(time.lane()));
        let mut waiting = Waiting::new(time);
        lane.charge(10);
        let id = waiting.add(&lane, 10, Standing::Returning, old.clone());
        assert!(waiting.give_to_next(0).unwrap().will_wake(&old));
        let Some(WaiterState::Given(paid)) = waiting.state(id) else { panic!("it has no turn") };
        waiting.add(&other, 1, Standing::Returning, Waker::noop().clone());
        assert!(waiting.set_waker(id, new.clone()).will_wake(&old), "also while it has a turn");
        assert!(waiting.hand_over(id, paid));
        waiting.give_to_next(0).unwrap();
        assert!(waiting.give_to_next(0).unwrap().will_wake(&new));
    }

    /// Two lanes without credit, and those that wait in them for turns.
    fn two_lanes() -> (Waiting, [Arc<Lane>; 2]) {
        let time = Arc::new(VirtualTime::new(Alignment { credit: 0, debt: 1_000, parallel: 1 }));
        let lanes = [(); 2].map(|()| Arc::new(time.lane()));
        (Waiting::new(time), lanes)
    }

    fn wait(waiting: &mut Waiting, lane: &Arc<Lane>) -> WaiterId {
        waiting.add(lane, 10, Standing::Arrival, Waker::noop().clone())
    }

    #[test]
    fn a_turn_that_is_not_taken_goes_to_another_of_its_lane_that_runs_now() {
        let (mut waiting, [lane, _]) = two_lanes();
        let [first, second] = [(); 2].map(|()| wait(&mut waiting, &lane));
        waiting.give_to_next(0).unwrap();
        let tag = lane.tag();
        assert!(waiting.take_over(&lane, 10, Standing::Arrival).is_some());
        assert_eq!(lane.tag(), tag, "the lane pays for one turn");
        assert!(waiting.take_over(&lane, 10, Standing::Arrival).is_none(), "there was one turn");
        // Both wait in their order again.
        assert_eq!(waiting.queue.arrivals_of(&lane), 2);
        waiting.give_to_next(0).unwrap();
        assert!(matches!(waiting.state(first), Some(WaiterState::Given(_))));
        // The second may take it as well, and the first gets the next.
        assert!(waiting.exchange(second).is_some());
        assert_eq!(waiting.queue.arrivals_of(&lane), 1);
        waiting.give_to_next(0).unwrap();
        assert!(matches!(waiting.state(first), Some(WaiterState::Given(_))));
        assert!(waiting.give_to_next(0).is_none());
    }

    #[test]
    fn a_turn_that_is_not_taken_stays_where_it_is_while_another_lane_comes_first() {
        let (mut waiting, [lane, other]) = two_lanes();
        wait(&mut waiting, &lane);
        waiting.give_to_next(0).unwrap();
        let second = wait(&mut waiting, &lane);
        wait(&mut waiting, &other);
        // Another evaluation of the lane ends, and took longer than estimated.
        lane.charge(100);
        assert!(waiting.take_over(&lane, 10, Standing::Arrival).is_none());
        assert!(waiting.exchange(second).is_none());
        assert_eq!(waiting.queue.least_tag(), Some(other.tag()));
    }

    #[test]
    fn a_turn_that_is_not_taken_goes_to_no_lane_that_comes_later() {
        let (mut waiting, [lane, later]) = two_lanes();
        later.charge(5);
        wait(&mut waiting, &lane);
        waiting.give_to_next(0).unwrap();
        assert!(waiting.take_over(&later, 10, Standing::Arrival).is_none());
        let id = wait(&mut waiting, &later);
        assert!(waiting.exchange(id).is_none());

        let (mut waiting, [lane, earlier]) = two_lanes();
        lane.charge(5);
        let id = wait(&mut waiting, &lane);
        waiting.give_to_next(0).unwrap();
        let tag = lane.tag();
        assert!(waiting.take_over(&earlier, 10, Standing::Arrival).is_some());
        assert!(matches!(waiting.state(id), Some(WaiterState::Queued(_))));
        assert_eq!(lane.tag(), tag - 10, "it has not paid");
    }
}
