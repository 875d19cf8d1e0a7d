//! A queue that serves lanes fairly, whatever each of their waiters costs: start-time fair queuing.
//!
//! Each lane has a tag, the work that it has been charged for by weight. The lane with the least tag is served, and
//! within a lane the waiter that came first. The cost of a waiter need not be known in advance: the lane is charged for
//! an estimate when the waiter is served, and the difference when it is done.
//!
//! Two lanes that wait all the time differ by at most (D + 1) × (q / w₁ + q / w₂), where D waiters are served at the same
//! time, q is the largest cost, and w₁ and w₂ are the weights (Goyal, Vin and Cheng 1996; Jin, Chase and Kaur 2004).
//!
//! The queue has no clock, no lock and no threads: callers bring the costs, in any unit.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::lane::Lane;
use super::virtual_time::VirtualTime;

/// The waiters of all lanes.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    time: Arc<VirtualTime>,
    /// The lanes that have waiters, the next one first.
    lanes: BTreeMap<Key, Waiters<T>>,
    last_ticket: u64,
    /// The waiters that may be removed.
    arrivals: usize,
}

/// The order of a lane among those that wait: by tag, then by the ticket of its first waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    tag: u64,
    ticket: u64,
}

/// The waiters of one lane, which are never none.
#[derive(Debug)]
struct Waiters<T> {
    lane: Arc<Lane>,
    queue: VecDeque<Waiter<T>>,
    arrivals: usize,
}

#[derive(Debug)]
struct Waiter<T> {
    ticket: u64,
    item: T,
    estimate: u64,
    is_arrival: bool,
}

/// The standing of a waiter when it is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not been served before. It is counted, and may be removed again while it waits.
    Arrival,
    /// It has not been served before, and waits until it is served.
    Certain,
    /// It was served, and waits for more. Its lane keeps its tag, so that work in many parts gains nothing.
    Returning,
    /// It was served, waited for something else than a turn, and goes on. Its lane keeps its debt, but no more credit than
    /// one that was idle.
    Resuming,
}

/// The answer of a caller that chooses which waiter is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Serve,
    /// The lane is passed over.
    Skip,
    /// Neither this waiter nor one of a later lane is served.
    Stop,
}

/// A waiter that is served now.
#[derive(Debug)]
pub(crate) struct Served<T> {
    pub(crate) lane: Arc<Lane>,
    pub(crate) item: T,
    pub(crate) paid: Paid,
    pub(crate) ticket: Ticket,
}

/// The charge for an estimate, which is corrected when the cost is known. Nothing was paid by a waiter that was served
/// while nobody waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Paid(pub(super) u64);

/// The place of a waiter, with which it can leave the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl<T> FairQueue<T> {
    pub(crate) fn new(time: Arc<VirtualTime>) -> Self {
        Self { time, lanes: BTreeMap::new(), last_ticket: 0, arrivals: 0 }
    }

    /// Adds a waiter, with an estimate of its cost.
    pub(crate) fn add(&mut self, lane: &Arc<Lane>, item: T, estimate: u64, standing: Standing) -> Ticket {
        self.align(lane, standing);
        // The first ticket is 1: the key of a lane that never waited has the ticket 0.
        self.last_ticket += 1;
        let (ticket, is_arrival) = (self.last_ticket, standing == Standing::Arrival);
        self.add_waiter(lane, Waiter { ticket, item, estimate, is_arrival });
        Ticket(ticket)
    }

    /// Adds a waiter again that was served and did nothing, at the place that it had.
    pub(super) fn put_back(&mut self, lane: &Arc<Lane>, item: T, ticket: Ticket, estimate: u64, standing: Standing) {
        self.add_waiter(lane, Waiter { ticket: ticket.0, item, estimate, is_arrival: standing == Standing::Arrival });
    }

    /// Prepares the tag of a lane for a waiter that arrives, or is served at once.
    pub(super) fn align(&self, lane: &Lane, standing: Standing) {
        if self.is_waiting(lane) {
            return;
        }
        match standing {
            Standing::Arrival | Standing::Certain => self.time.align(lane, self.lanes.len()),
            Standing::Resuming => self.time.limit_credit(lane),
            Standing::Returning => {}
        }
    }

    /// Serves a waiter that is not in the queue instead of one that was served, and charges its lane for the estimate.
    pub(super) fn serve_instead(&mut self, lane: &Lane, estimate: u64) -> Paid {
        let paid = pay(lane, estimate);
        self.reorder(lane);
        paid
    }

    /// Takes the waiter that is served next, and charges its lane for the estimate.
    pub(crate) fn serve(&mut self) -> Option<Served<T>> {
        let first = self.first_lane()?;
        self.serve_lane(first)
    }

    /// Like [`serve`](Self::serve), but asks `choose` about the first waiter of each lane, in order, until it serves one
    /// or stops. All charges must go through the queue.
    pub(crate) fn serve_where(&mut self, mut choose: impl FnMut(&T) -> Choice) -> Option<Served<T>> {
        for (key, waiters) in &self.lanes {
            match choose(&waiters.queue.front()?.item) {
                Choice::Serve => {
                    let key = *key;
                    return self.serve_lane(key);
                }
                Choice::Skip => {}
                Choice::Stop => return None,
            }
        }
        None
    }

    fn serve_lane(&mut self, first: Key) -> Option<Served<T>> {
        let mut waiters = self.lanes.remove(&first)?;
        let waiter = waiters.queue.pop_front()?;
        self.count_out(&mut waiters, &waiter);
        self.time.advance(first.tag);
        let lane = Arc::clone(&waiters.lane);
        let paid = pay(&lane, waiter.estimate);
        self.insert(waiters);
        Some(Served { lane, item: waiter.item, paid, ticket: Ticket(waiter.ticket) })
    }

    /// Corrects the charge of a waiter that was served: `paid` was for the estimate, and `cost` is what it took.
    pub(crate) fn settle(&mut self, lane: &Arc<Lane>, paid: Paid, cost: u64) {
        lane.add(lane.scaled(cost).wrapping_sub(paid.0));
        self.reorder(lane);
    }

    /// Ends a time in which a lane was passed over, from which it keeps no more credit than a lane that was idle.
    pub(crate) fn resume(&mut self, lane: &Arc<Lane>) {
        self.time.limit_credit(lane);
        self.reorder(lane);
    }

    /// Returns the charge of a waiter that was served and did nothing.
    pub(crate) fn refund(&mut self, lane: &Arc<Lane>, paid: Paid) {
        lane.add(paid.0.wrapping_neg());
        self.reorder(lane);
    }

    /// Removes a waiter that has not been served yet.
    pub(crate) fn remove(&mut self, lane: &Lane, ticket: Ticket) -> Option<T> {
        let mut waiters = self.lanes.remove(&Key::of(lane))?;
        let at = waiters.queue.binary_search_by_key(&ticket.0, |waiter| waiter.ticket);
        let found = at.ok().and_then(|at| waiters.queue.remove(at));
        if let Some(found) = &found {
            self.count_out(&mut waiters, found);
        }
        self.insert(waiters);
        found.map(|found| found.item)
    }

    /// Removes the newest arrival of the lane with the most arrivals by weight; of several, that with the largest tag.
    pub(crate) fn remove_newest_of_greediest(&mut self) -> Option<T> {
        let greediest =
            self.lanes.values().max_by(|a, b| a.greed(b).then_with(|| Key::of(&a.lane).cmp(&Key::of(&b.lane))));
        let (key, ticket) = {
            let waiters = greediest?;
            let newest = waiters.queue.iter().rev().find(|waiter| waiter.is_arrival)?;
            (Key::of(&waiters.lane), Ticket(newest.ticket))
        };
        let lane = Arc::clone(&self.lanes.get(&key)?.lane);
        self.remove(&lane, ticket)
    }

    /// The tag of the lane that is served next.
    pub(crate) fn least_tag(&mut self) -> Option<u64> {
        self.first_lane().map(|key| key.tag)
    }

    /// Whether this lane is served next.
    pub(crate) fn is_next(&mut self, lane: &Lane) -> bool {
        self.first_lane().is_some_and(|key| key == Key::of(lane))
    }

    /// The number of arrivals that wait.
    pub(crate) fn arrivals(&self) -> usize {
        self.arrivals
    }

    /// The number of arrivals that wait in a lane.
    pub(crate) fn arrivals_of(&self, lane: &Lane) -> usize {
        self.lanes.get(&Key::of(lane)).map_or(0, |waiters| waiters.arrivals)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    fn add_waiter(&mut self, lane: &Arc<Lane>, waiter: Waiter<T>) {
        let waiting = self.lanes.remove(&Key::of(lane));
        let mut waiters =
            waiting.unwrap_or_else(|| Waiters { lane: Arc::clone(lane), queue: VecDeque::new(), arrivals: 0 });
        waiters.arrivals += usize::from(waiter.is_arrival);
        self.arrivals += usize::from(waiter.is_arrival);
        let at = waiters.queue.partition_point(|other| other.ticket < waiter.ticket);
        waiters.queue.insert(at, waiter);
        self.insert(waiters);
    }

    fn is_waiting(&self, lane: &Lane) -> bool {
        self.lanes.contains_key(&Key::of(lane))
    }

    /// The key of the lane with the least tag. Lanes may be charged without the queue, so a lane whose tag has changed is
    /// moved before it counts as the first.
    fn first_lane(&mut self) -> Option<Key> {
        loop {
            let (key, waiters) = self.lanes.first_key_value()?;
            if key.tag == waiters.lane.tag() {
                return Some(*key);
            }
            let lane = Arc::clone(&waiters.lane);
            self.reorder(&lane);
        }
    }

    /// Moves a lane to the place that its tag now has.
    fn reorder(&mut self, lane: &Lane) {
        if let Some(waiters) = self.lanes.remove(&Key::of(lane)) {
            self.insert(waiters);
        }
    }

    /// Adds a lane at the place that its tag has, unless nobody waits in it any more.
    fn insert(&mut self, waiters: Waiters<T>) {
        let Some(first) = waiters.queue.front() else { return };
        let key = Key { tag: waiters.lane.tag(), ticket: first.ticket };
        waiters.lane.key_tag.store(key.tag, Relaxed);
        waiters.lane.key_ticket.store(key.ticket, Relaxed);
        self.lanes.insert(key, waiters);
    }

    fn count_out(&mut self, waiters: &mut Waiters<T>, gone: &Waiter<T>) {
        waiters.arrivals -= usize::from(gone.is_arrival);
        self.arrivals -= usize::from(gone.is_arrival);
    }
}

/// Charges a lane for an estimate.
fn pay(lane: &Lane, estimate: u64) -> Paid {
    let paid = lane.scaled(estimate);
    lane.add(paid);
    Paid(paid)
}

impl<T> Waiters<T> {
    /// Compares the arrivals of two lanes by weight.
    fn greed(&self, other: &Self) -> Ordering {
        let by = |waiters: &Self, weight: u32| waiters.arrivals as u64 * u64::from(weight);
        by(self, other.lane.weight()).cmp(&by(other, self.lane.weight()))
    }
}

impl Key {
    /// The key under which a lane waits, or waited last. Tickets are never used again, so a key of the past is not found.
    fn of(lane: &Lane) -> Self {
        Self { tag: lane.key_tag.load(Relaxed), ticket: lane.key_ticket.load(Relaxed) }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.tag.wrapping_sub(other.tag).cast_signed().cmp(&0).then(self.ticket.cmp(&other.ticket))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::super::virtual_time::Alignment;
    use super::*;

    fn queue() -> FairQueue<&'static str> {
        let alignment = Alignment { credit: 0, debt: 1_000, parallel: 1 };
        FairQueue::new(Arc::new(VirtualTime::new(alignment)))
    }

    fn lane(weight: u32) -> Arc<Lane> {
        let lane = Arc::new(Lane::at(0));
        lane.set_weight(weight);
        lane
    }

    fn all(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.serve()).map(|served| served.item).collect()
    }

    #[test]
    fn waiters_of_a_lane_are_served_in_the_order_of_their_arrival() {
        let (mut queue, lane) = (queue(), lane(16));
        for item in ["a", "b", "c"] {
            queue.add(&lane, item, 10, Standing::Arrival);
        }
        assert_eq!(all(&mut queue), ["a", "b", "c"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn lanes_take_turns_by_what_their_waiters_are_estimated_to_cost() {
        let (mut queue, dear, cheap) = (queue(), lane(16), lane(16));
        for item in ["dear 1", "dear 2"] {
            queue.add(&dear, item, 30, Standing::Arrival);
        }
        for item in ["cheap 1", "cheap 2", "cheap 3", "cheap 4"] {
            queue.add(&cheap, item, 10, Standing::Arrival);
        }
        // At the tag 30 both lanes are equal, and the second of `dear` came first.
        assert_eq!(all(&mut queue), ["dear 1", "cheap 1", "cheap 2", "cheap 3", "dear 2", "cheap 4"]);
    }

    #[test]
    fn a_lane_is_served_by_its_weight() {
        let (mut queue, light, heavy) = (queue(), lane(16), lane(48));
        for item in ["light 1", "light 2"] {
            queue.add(&light, item, 30, Standing::Arrival);
        }
        for item in ["heavy 1", "heavy 2", "heavy 3", "heavy 4"] {
            queue.add(&heavy, item, 30, Standing::Arrival);
        }
        assert_eq!(all(&mut queue), ["light 1", "heavy 1", "heavy 2", "heavy 3", "light 2", "heavy 4"]);
    }

    #[test]
    fn a_corrected_charge_moves_a_lane_that_waits_in_both_directions() {
        for (cost, order) in [(0, ["b", "b", "a"]), (99, ["a", "b", "b"])] {
            let (mut queue, first, second) = (queue(), lane(16), lane(16));
            first.charge(1);
            queue.add(&second, "b", 50, Standing::Arrival);
            let served = queue.serve().unwrap();
            for _ in 0..2 {
                queue.add(&second, "b", 1, Standing::Arrival);
            }
            first.charge(48);
            queue.add(&first, "a", 1, Standing::Arrival);
            queue.settle(&served.lane, served.paid, cost);
            assert_eq!(all(&mut queue)[..], order[..], "{cost}");
        }
    }

    #[test]
    fn a_charge_without_the_queue_counts_before_the_lane_is_served() {
        let (mut queue, first, second) = (queue(), lane(16), lane(16));
        queue.add(&first, "first", 1, Standing::Arrival);
        queue.add(&second, "second", 1, Standing::Arrival);
        first.charge(10);
        assert_eq!(queue.least_tag(), Some(second.tag()));
        assert_eq!(all(&mut queue), ["second", "first"]);
    }

    #[test]
    fn a_choice_passes_over_lanes_or_stops() {
        let (mut queue, first, second, third) = (queue(), lane(16), lane(16), lane(16));
        for (lane, item) in [(&first, "a"), (&second, "b"), (&third, "c")] {
            queue.add(lane, item, 10, Standing::Arrival);
        }
        let serve = |queue: &mut FairQueue<&'static str>, choices: [Choice; 3]| {
            let mut choices = choices.into_iter();
            queue.serve_where(|_| choices.next().unwrap()).map(|served| served.item)
        };
        assert_eq!(serve(&mut queue, [Choice::Skip, Choice::Stop, Choice::Serve]), None);
        assert_eq!(serve(&mut queue, [Choice::Skip, Choice::Skip, Choice::Skip]), None);
        assert_eq!(serve(&mut queue, [Choice::Skip, Choice::Serve, Choice::Stop]), Some("b"));
        assert_eq!(all(&mut queue), ["a", "c"]);
    }

    #[test]
    fn a_lane_that_was_passed_over_keeps_no_credit() {
        let (mut queue, blocked, other) = (queue(), lane(16), lane(16));
        queue.add(&blocked, "blocked", 1, Standing::Arrival);
        for _ in 0..10 {
            queue.add(&other, "other", 100, Standing::Arrival);
        }
        for _ in 0..5 {
            queue.serve_where(|item| if *item == "other" { Choice::Serve } else { Choice::Skip });
        }
        assert_eq!(blocked.tag(), 0);
        queue.resume(&blocked);
        assert_eq!(blocked.tag(), 399, "the largest tag that was served, less the least credit");
        other.charge(1);
        queue.resume(&other);
        assert_eq!(other.tag(), 501, "a debt stays");
    }

    #[test]
    fn a_lane_that_resumes_keeps_a_debt_and_no_more_credit_than_an_idle_one() {
        let (mut queue, returning, resuming, ahead) = (queue(), lane(16), lane(16), lane(16));
        queue.time.set(1_000);
        ahead.charge(5_000);
        queue.add(&returning, "a", 1, Standing::Returning);
        queue.add(&resuming, "b", 1, Standing::Resuming);
        queue.add(&ahead, "c", 1, Standing::Resuming);
        assert_eq!(
            [&returning, &resuming, &ahead].map(|lane| lane.tag()),
            [0, 999, 5_000],
            "the queue has the least credit"
        );
    }

    #[test]
    fn a_refund_returns_exactly_what_was_paid() {
        let (mut queue, lane) = (queue(), lane(7));
        queue.add(&lane, "a", 1_000, Standing::Arrival);
        let (before, served) = (lane.tag(), queue.serve().unwrap());
        lane.set_weight(500);
        queue.refund(&lane, served.paid);
        assert_eq!(lane.tag(), before);
    }

    #[test]
    fn a_waiter_that_is_removed_is_not_served_and_not_counted() {
        let (mut queue, first, second) = (queue(), lane(16), lane(16));
        let tickets = ["a", "b", "c"].map(|item| queue.add(&first, item, 1, Standing::Arrival));
        queue.add(&second, "d", 1, Standing::Arrival);
        assert_eq!((queue.arrivals(), queue.arrivals_of(&first)), (4, 3));
        assert_eq!(queue.remove(&first, tickets[0]), Some("a"));
        assert_eq!(queue.remove(&first, tickets[0]), None);
        assert_eq!(queue.remove(&second, tickets[1]), None, "of another lane");
        assert_eq!(queue.remove(&first, tickets[2]), Some("c"));
        assert_eq!((queue.arrivals(), queue.arrivals_of(&first)), (2, 1));
        assert_eq!(all(&mut queue), ["b", "d"]);
        assert_eq!((queue.arrivals(), queue.arrivals_of(&first)), (0, 0));
    }

    #[test]
    fn the_newest_of_the_lane_with_the_most_arrivals_by_weight_is_removed() {
        let (mut queue, light, heavy) = (queue(), lane(1), lane(10));
        for item in ["light 1", "light 2"] {
            queue.add(&light, item, 1, Standing::Arrival);
        }
        for item in ["heavy 1", "heavy 2", "heavy 3"] {
            queue.add(&heavy, item, 1, Standing::Arrival);
        }
        // A waiter that was served before is neither counted nor removed.
        queue.add(&light, "light, again", 1, Standing::Returning);
        let removed: Vec<_> = std::iter::from_fn(|| queue.remove_newest_of_greediest()).collect();
        assert_eq!(removed, ["light 2", "light 1", "heavy 3", "heavy 2", "heavy 1"]);
        assert_eq!(all(&mut queue), ["light, again"]);
    }
}
