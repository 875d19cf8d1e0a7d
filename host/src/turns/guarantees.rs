//! What turns guarantee, each proved with the exact bound on a [machine](super::simulation) with a virtual clock.
//!
//! | | guarantee | test |
//! |---:|---|---|
//! | 1 | no processor is idle while somebody waits | `g1_…`, and every other test after each event |
//! | 2 | two tenants that wait all the time differ by at most (C + 1) × (q / w₁ + q / w₂) | `g2_…` |
//! | 3 | a single request waits at most a slice, and with preemption at most its interval | `g3_…` |
//! | 4 | an evaluation that is dropped gives back exactly what it holds | `g4_…` |
//! | 5 | nobody overtakes a waiter of another tenant that comes no later | `g5_…` |
//! | 6 | a tenant that was idle gains at most its credit | `g6_…` |
//! | 7 | a guest that yields often gains nothing | `g7_…` |
//! | 8 | a tenant that was alone is equal to a newcomer at once | `g8_…` |
//! | 9 | the bound holds for weights of 1 and 1,000 | `g9_…` |
//! | 10 | tags wrap around without a trace | `g10_…` |
//! | 11 | the bound holds for a cost of 10,000 times its estimate | `g11_…` |
//! | 12 | a hundred evaluations of a tenant get as much as one of another | `g12_…` |
//! | 13 | an evaluation inside another needs no turn | `guest/turn.rs` |
//! | 14 | idle tenants cost no time | `g14_…` |
//! | 15 | a full queue refuses the greediest | `g15_…` |
//! | 16 | what is dropped is charged to its owner | `guest/turn.rs` |

use std::task::Waker;
use std::time::Duration;

use super::fair_queue::Standing;
use super::lane::Lane;
use super::simulation::{Arrival, GuestId, MICROSECOND, MILLISECOND, Machine, TICK};
use super::{Asked, TurnSettings};

/// Numbers that look random and are the same on every run (xorshift).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The difference of two tenants in work by weight, watched over a time in which both wait all the time.
struct Difference {
    tenants: [usize; 2],
    weights: [u32; 2],
    least: f64,
    most: f64,
}

impl Difference {
    fn new(machine: &Machine, tenants: [usize; 2]) -> Self {
        let weights = tenants.map(|tenant| machine.lane(tenant).weight());
        let mut difference = Self { tenants, weights, least: f64::INFINITY, most: f64::NEG_INFINITY };
        difference.look(machine);
        difference
    }

    #[expect(clippy::cast_precision_loss, reason = "the times are far below 2^52 nanoseconds")]
    fn look(&mut self, machine: &Machine) {
        let [a, b] = [0, 1].map(|at: usize| machine.served[self.tenants[at]] as f64 / f64::from(self.weights[at]));
        self.least = self.least.min(a - b);
        self.most = self.most.max(a - b);
    }

    /// Asserts the bound over every interval, for the largest slices of each tenant in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "the times are far below 2^52 nanoseconds")]
    fn is_within(&self, processors: u32, slices: [u64; 2]) {
        let part = |at: usize| slices[at] as f64 / f64::from(self.weights[at]);
        let bound = f64::from(processors + 1) * (part(0) + part(1));
        let found = self.most - self.least;
        println!("tenants {:?} of weights {:?}: {found:.0} of {bound:.0}", self.tenants, self.weights);
        assert!(found <= bound, "{found} > {bound}");
    }
}

/// Runs while all pairs of tenants stay within the bound.
fn run_within_bound(machine: &mut Machine, processors: u32, slices: &[u64], time: u64) {
    let pairs = |at: usize| (0..at).map(move |other| [other, at]);
    let mut all: Vec<_> = (0..slices.len()).flat_map(pairs).map(|pair| Difference::new(machine, pair)).collect();
    let end = machine.now + time;
    machine.run_until(end, |machine| all.iter_mut().for_each(|difference| difference.look(machine)));
    for difference in all {
        difference.is_within(processors, difference.tenants.map(|tenant| slices[tenant]));
    }
}

/// A machine with tenants of these weights, each of which has `guests` endless ones.
fn busy(processors: u32, weights: &[u32], guests: usize) -> Machine {
    let mut machine = Machine::new(processors);
    for weight in weights {
        machine.tenant(*weight);
    }
    for _ in 0..guests {
        for tenant in 0..weights.len() {
            machine.arrive(tenant, Arrival::default());
        }
    }
    machine
}

#[test]
fn g1_no_processor_is_idle_while_somebody_waits() {
    for processors in [1, 2, 7] {
        let mut machine = Machine::new(processors);
        let tenants: Vec<_> = (0..5).map(|_| machine.tenant(16)).collect();
        let mut numbers = Numbers(1);
        for _ in 0..300 {
            let tenant = tenants[usize::try_from(numbers.below(5)).unwrap()];
            machine.arrive(tenant, Arrival { work: 1 + numbers.below(3 * TICK), ..Arrival::default() });
            // `run_until` asserts it after each event.
            let pause = numbers.below(TICK);
            machine.run_until(machine.now + pause, |_| ());
        }
        let before = machine.served.iter().sum::<u64>();
        for _ in 0..100 {
            machine.arrive(tenants[0], Arrival::default());
        }
        machine.run_until(machine.now + 1_000 * TICK, |_| ());
        assert_eq!(machine.served.iter().sum::<u64>() - before, u64::from(processors) * 1_000 * TICK);
    }
}

#[test]
fn g2_two_tenants_that_wait_all_the_time_differ_by_at_most_the_bound() {
    for processors in [1, 2, 4, 16] {
        let weights = [16, 16, 5, 48, 100];
        let mut machine = busy(processors, &weights, 2 * processors as usize);
        run_within_bound(&mut machine, processors, &[TICK; 5], 2_000 * TICK);
    }
}

#[test]
fn g3_a_single_request_waits_at_most_a_slice_and_with_preemption_at_most_its_interval() {
    for hostile in [1, 40, 200] {
        for (has_preemption, bound) in [(false, TICK), (true, 50 * MICROSECOND)] {
            let mut machine = busy(2, &vec![16; hostile], 2);
            if !has_preemption {
                machine = machine.without_preemption();
            }
            // Tenants that arrive at the same time are all equal, so each of the hostile ones is served once.
            machine.run_until(hostile as u64 * TICK, |_| ());
            let good = machine.tenant(16);
            let mut numbers = Numbers(3);
            for _ in 0..200 {
                machine.run_until(machine.now + numbers.below(3 * TICK) + 2 * TICK, |_| ());
                let request = machine.arrive(good, Arrival { work: 20 * MICROSECOND, ..Arrival::default() });
                machine.run_until(machine.now + 2 * TICK, |_| ());
                let waited = machine.first_waits.get(&request).copied().unwrap_or(u64::MAX);
                assert!(waited <= bound, "{waited} > {bound}, beside {hostile}, {has_preemption}");
                assert!(machine.ended.contains_key(&request), "it ends within a slice more");
            }
        }
    }
}

#[test]
fn g4_whoever_is_dropped_gives_back_exactly_what_it_holds() {
    for seed in 1..=50 {
        let mut machine = Machine::new(2);
        for weight in [1, 16, 300] {
            machine.tenant(weight);
        }
        let mut numbers = Numbers(seed);
        for _ in 0..300 {
            match numbers.below(3) {
                0 => drop(machine.arrive(usize::try_from(numbers.below(3)).unwrap(), Arrival::default())),
                1 => {
                    let ids = machine.ids();
                    if !ids.is_empty() {
                        machine.drop_guest(ids[usize::try_from(numbers.below(ids.len() as u64)).unwrap()]);
                    }
                }
                // The counts are compared after each event.
                _ => machine.run_until(machine.now + numbers.below(2 * TICK), |_| ()),
            }
        }
        for id in machine.ids() {
            machine.drop_guest(id);
        }
        assert_eq!(machine.turns.free_and_waiting(), (2, 0));
    }
}

#[test]
fn g4_a_turn_that_was_given_and_not_taken_passes_on_when_its_waiter_leaves() {
    let machine = Machine::new(1);
    let (lane, other) = (machine.turns.lane(), machine.turns.lane());
    let turns = &machine.turns;
    let wait = |lane| match turns.ask(lane, 1, Standing::Arrival, Waker::noop()) {
        Ok(Asked::Waiting(id)) => id,
        asked => panic!("{asked:?}"),
    };
    assert!(turns.try_take(&lane));
    let (first, second) = (wait(&lane), wait(&other));
    turns.give_back(&lane, Default::default(), 1);
    let tag = other.tag();
    // `other` has used less, and was given the turn.
    turns.leave(second);
    assert!(other.tag() < tag, "its charge is returned");
    assert!(turns.poll(first, Waker::noop()).is_ready());
    assert_eq!(turns.free_and_waiting(), (0, 0));
}

#[test]
fn g5_nobody_overtakes_a_waiter() {
    let machine = Machine::new(1);
    let (turns, lane) = (&machine.turns, machine.turns.lane());
    assert!(turns.try_take(&lane));
    let Ok(Asked::Waiting(waiter)) = turns.ask(&lane, 1, Standing::Arrival, Waker::noop()) else { panic!() };
    turns.give_back(&lane, Default::default(), 1);
    // The turn belongs to the waiter, which has not taken it yet.
    assert!(!turns.try_take(&machine.turns.lane()));
    assert!(turns.poll(waiter, Waker::noop()).is_ready());
    assert!(!turns.try_take(&machine.turns.lane()));
}

#[test]
fn g6_a_tenant_that_was_idle_gains_at_most_its_credit() {
    let mut machine = busy(1, &[16, 16], 1);
    machine.run_until(10_000 * TICK, |_| ());
    let idle = machine.tenant(16);
    machine.run_until(20_000 * TICK, |_| ());
    let before = machine.served.clone();
    machine.arrive(idle, Arrival::default());
    machine.run_until(machine.now + 1_000 * TICK, |machine| {
        let gained = |tenant: usize| machine.served[tenant] - before[tenant];
        // Its credit is a tick, and each of both may be one slice ahead on a single processor, twice.
        let bound = gained(0).min(gained(1)) + TICK + 4 * TICK;
        assert!(gained(idle) <= bound, "{} > {bound}", gained(idle));
    });
}

#[test]
fn g7_a_guest_that_yields_often_or_rarely_gains_nothing() {
    let mut machine = busy(1, &[16], 1);
    let yielder = machine.tenant(16);
    machine.arrive(yielder, Arrival { yields_after: 50 * MICROSECOND, ..Arrival::default() });
    run_within_bound(&mut machine, 1, &[TICK, TICK], 2_000 * TICK);

    // Its debt after each slice is far over the one that is forgiven to a tenant that was idle.
    let mut machine = busy(1, &[16], 1);
    let yielder = machine.tenant(16);
    let slice = 1_000 * MILLISECOND;
    machine.arrive(yielder, Arrival { yields_after: slice, is_rigid: true, ..Arrival::default() });
    run_within_bound(&mut machine, 1, &[TICK, slice], 20 * slice);
}

#[test]
fn g8_a_tenant_that_was_alone_is_equal_to_a_newcomer_at_once() {
    for processors in [1, 2] {
        let mut machine = Machine::new(processors);
        let (alone, newcomer) = (machine.tenant(16), machine.tenant(16));
        for _ in 0..processors {
            machine.arrive(alone, Arrival::default());
        }
        machine.run_until(60_000 * MILLISECOND, |_| ());
        for _ in 0..2 * processors {
            machine.arrive(alone, Arrival::default());
            machine.arrive(newcomer, Arrival::default());
        }
        run_within_bound(&mut machine, processors, &[TICK, TICK], 1_000 * TICK);
    }
}

#[test]
fn g8_a_tenant_of_which_no_request_ever_waited_is_equal_to_a_newcomer_at_once() {
    let mut machine = Machine::new(1);
    let alone = machine.tenant(16);
    // Each ends before the next one arrives, so none is ever queued.
    for _ in 0..50_000 {
        machine.arrive(alone, Arrival { work: 20 * MICROSECOND, ..Arrival::default() });
        machine.run_until(machine.now + 20 * MICROSECOND, |_| ());
    }
    let newcomer = machine.tenant(16);
    for tenant in [alone, newcomer].repeat(2) {
        machine.arrive(tenant, Arrival::default());
    }
    run_within_bound(&mut machine, 1, &[TICK, TICK], 1_000 * TICK);
}

#[test]
fn g9_the_bound_holds_for_weights_of_1_and_1000() {
    for processors in [1, 2] {
        let mut machine = busy(processors, &[1, 1_000], 4);
        run_within_bound(&mut machine, processors, &[TICK, TICK], 20_000 * TICK);
        assert!(machine.served[0] > 0);
    }
}

#[test]
fn g10_tags_wrap_around_without_a_trace() {
    let mut machine = Machine::new(2);
    machine.turns.set_time(u64::MAX - 500 * TICK);
    for weight in [16, 16, 1] {
        machine.tenant(weight);
    }
    for tenant in [0, 1, 2].repeat(4) {
        machine.arrive(tenant, Arrival::default());
    }
    run_within_bound(&mut machine, 2, &[TICK; 3], 5_000 * TICK);
    assert!(machine.lane(0).tag() < u64::MAX / 2, "it has wrapped around");
}

#[test]
fn g11_the_bound_holds_for_a_cost_of_10000_times_its_estimate() {
    for processors in [1, 2] {
        let mut machine = busy(processors, &[16], 4);
        let dear = machine.tenant(16);
        let cost = 10 * MILLISECOND;
        let unknown = Arrival { work: cost, is_rigid: true, estimate: MICROSECOND, ..Arrival::default() };
        for _ in 0..120 {
            machine.arrive(dear, unknown);
        }
        run_within_bound(&mut machine, processors, &[TICK, cost], 1_000 * TICK);
    }
}

#[test]
fn g12_a_hundred_evaluations_of_a_tenant_get_as_much_as_one_of_another() {
    for processors in [1, 2] {
        let mut machine = busy(processors, &[16, 16], 1);
        for _ in 0..99 {
            machine.arrive(0, Arrival::default());
        }
        run_within_bound(&mut machine, processors, &[TICK, TICK], 1_000 * TICK);
    }
}

#[test]
fn g14_idle_tenants_cost_no_time_and_little_memory() {
    let mut machine = Machine::new(2);
    let tenants: Vec<_> = (0..10_000).map(|_| machine.tenant(16)).collect();
    for tenant in &tenants {
        machine.arrive(*tenant, Arrival { work: MICROSECOND, ..Arrival::default() });
        machine.run_until(machine.now + MICROSECOND, |_| ());
    }
    machine.wakes = 0;
    machine.run_until(machine.now + 1_000 * TICK, |_| ());
    assert_eq!((machine.wakes, machine.turns.waiters()), (0, 0));
    assert!(size_of::<Lane>() <= 32);
}

#[test]
fn g15_a_full_queue_refuses_the_newest_of_the_greediest() {
    let mut machine = Machine::with(TurnSettings {
        turns: 1,
        tick: Duration::from_nanos(TICK),
        queue_of_tenant: 64,
        queue: 100,
        ticks_to_take: u64::MAX,
        is_shared: true,
    });
    let [greedy, other, good] = [16, 16, 16].map(|weight| machine.tenant(weight));
    let arrive = |machine: &mut Machine, tenant, count: usize| -> Vec<GuestId> {
        (0..count).map(|_| machine.arrive(tenant, Arrival::default())).collect()
    };
    // One runs, and 64 wait.
    let of_greedy = arrive(&mut machine, greedy, 66);
    assert_eq!(machine.refused, of_greedy[65..], "the queue of the tenant is full");
    let of_other = arrive(&mut machine, other, 36);
    assert_eq!(machine.refused.len(), 1);
    let of_good = arrive(&mut machine, good, 20);
    // The newest of the greedy tenant are refused, the last one first.
    let newest: Vec<_> = of_greedy[45..65].iter().rev().copied().collect();
    assert_eq!(machine.refused[1..], newest);
    assert!(!of_other.iter().chain(&of_good).any(|id| machine.refused.contains(id)));
}
