//! Turns under schedules that no machine promises not to make: tasks ask, are polled late or for no reason, leave, and are
//! overtaken between a wake-up and the poll that follows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use super::fair_queue::{Paid, Standing};
use super::guarantees::Numbers;
use super::lane::Lane;
use super::{Asked, TurnSettings, Turns, WaiterId};

/// Tasks of some lanes, each of which wants turns again and again.
struct Tasks {
    turns: Turns,
    lanes: Vec<Arc<Lane>>,
    tasks: Vec<Task>,
    settings: TurnSettings,
}

struct Task {
    lane: usize,
    stage: Stage,
    woken: Arc<Woken>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Idle,
    Waiting(WaiterId),
    Running(Paid),
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Tasks {
    fn new(turns: u32, lanes: usize, tasks: usize) -> Self {
        let settings = TurnSettings {
            turns,
            tick: Duration::from_millis(1),
            queue_of_tenant: 6,
            queue: 12,
            ticks_to_take: 2,
            is_shared: true,
        };
        let turns = Turns::new(settings);
        let lanes: Vec<_> = (0..lanes).map(|_| turns.lane()).collect();
        let task = |at| Task { lane: at % lanes.len(), stage: Stage::Idle, woken: Arc::default() };
        Self { tasks: (0..tasks).map(task).collect(), turns, lanes, settings }
    }

    fn waker(&self, at: usize) -> Waker {
        Waker::from(Arc::clone(&self.tasks[at].woken))
    }

    fn is_woken(&self, at: usize) -> bool {
        self.tasks[at].woken.0.load(Ordering::Relaxed)
    }

    fn ask(&mut self, at: usize, standing: Standing) {
        let waker = self.waker(at);
        self.tasks[at].woken.0.store(false, Ordering::Relaxed);
        self.tasks[at].stage = match self.turns.ask(&self.lanes[self.tasks[at].lane], 1_000, standing, &waker) {
            Ok(Asked::Taken(paid)) => Stage::Running(paid),
            Ok(Asked::Waiting(id)) => Stage::Waiting(id),
            Err(_) => Stage::Idle,
        };
    }

    fn poll(&mut self, at: usize) {
        let Stage::Waiting(id) = self.tasks[at].stage else { return };
        let waker = self.waker(at);
        self.tasks[at].woken.0.store(false, Ordering::Relaxed);
        self.tasks[at].stage = match self.turns.poll(id, &waker) {
            Poll::Ready(Ok(paid)) => Stage::Running(paid),
            Poll::Ready(Err(_)) => Stage::Idle,
            Poll::Pending => Stage::Waiting(id),
        };
    }

    fn end(&mut self, at: usize, cost: u64) {
        match self.tasks[at].stage {
            Stage::Idle => {}
            Stage::Waiting(id) => self.turns.leave(id),
            Stage::Running(paid) => self.turns.give_back(&self.lanes[self.tasks[at].lane], paid, cost),
        }
        self.tasks[at].stage = Stage::Idle;
    }

    fn give_way(&mut self, at: usize, cost: u64) {
        let Stage::Running(paid) = self.tasks[at].stage else { return };
        let waker = self.waker(at);
        self.tasks[at].woken.0.store(false, Ordering::Relaxed);
        let lane = &self.lanes[self.tasks[at].lane];
        self.tasks[at].stage = Stage::Waiting(self.turns.give_back_and_wait(lane, paid, cost, 1_000, &waker));
    }

    /// One step that a task or the clock takes.
    fn step(&mut self, numbers: &mut Numbers) {
        let at = usize::try_from(numbers.below(self.tasks.len() as u64)).unwrap();
        let cost = 1 + numbers.below(200_000);
        match (numbers.below(20), self.tasks[at].stage) {
            (0, _) => self.turns.tick(1),
            (1, _) => self.lanes[self.tasks[at].lane].charge(cost),
            (2 | 3, _) => self.end(at, cost),
            (4, Stage::Idle) => self.ask(at, Standing::Certain),
            (5, Stage::Idle) => self.ask(at, Standing::Resuming),
            (_, Stage::Idle) => self.ask(at, Standing::Arrival),
            (4..10, Stage::Running(_)) => self.give_way(at, cost),
            (_, Stage::Running(_)) => self.end(at, cost),
            // Also if it was not woken.
            (_, Stage::Waiting(_)) => self.poll(at),
        }
        self.check();
    }

    /// No turn is lost or doubled, none is free while somebody waits, and everybody whose wait is over was woken.
    fn check(&self) {
        let running = self.tasks.iter().filter(|task| matches!(task.stage, Stage::Running(_))).count();
        let (queued, given) = self.turns.queued_and_given();
        let (free, waiting) = self.turns.free_and_waiting();
        let held = i32::try_from(running + given).unwrap();
        assert_eq!(free + held, i32::try_from(self.settings.turns).unwrap(), "all turns");
        assert_eq!(usize::try_from(waiting).unwrap(), queued);
        assert!(waiting == 0 || free <= 0, "{free} are free while {waiting} wait");
        let waits = self.tasks.iter().filter(|task| matches!(task.stage, Stage::Waiting(_)));
        let asleep = waits.clone().filter(|task| !task.woken.0.load(Ordering::Relaxed)).count();
        assert!(asleep <= queued, "nobody sleeps who is not in the queue");
        assert_eq!(waits.count(), self.turns.waiters());
    }
}

#[test]
fn no_turn_is_lost_or_doubled_and_everybody_is_served_in_any_schedule() {
    for seed in 1..=300 {
        let mut numbers = Numbers(seed);
        let turns = 1 + u32::try_from(seed % 3).unwrap();
        let mut tasks = Tasks::new(turns, 1 + usize::try_from(seed % 4).unwrap(), 16);
        for _ in 0..600 {
            tasks.step(&mut numbers);
        }
        // From now on nobody asks, and only those are polled who were woken: the others must be woken in the end.
        loop {
            let all = 0..tasks.tasks.len();
            let ready = |at: &usize| match tasks.tasks[*at].stage {
                Stage::Idle => false,
                Stage::Running(_) => true,
                Stage::Waiting(_) => tasks.is_woken(*at),
            };
            let ready: Vec<_> = all.filter(ready).collect();
            if ready.is_empty() {
                break;
            }
            let at = ready[usize::try_from(numbers.below(ready.len() as u64)).unwrap()];
            match tasks.tasks[at].stage {
                Stage::Running(_) => tasks.end(at, 1),
                _ => tasks.poll(at),
            }
            tasks.check();
        }
        assert!(tasks.tasks.iter().all(|task| matches!(task.stage, Stage::Idle)), "seed {seed}");
        assert_eq!(tasks.turns.free_and_waiting(), (i32::try_from(turns).unwrap(), 0));
        assert_eq!(tasks.turns.waiters(), 0);
    }
}

/// A waiter whose thread is always a moment later than another one of its tenant, which asks again and again.
#[test]
fn a_waiter_is_not_overtaken_for_ever_by_others_of_its_lane() {
    for turns in [1, 2] {
        let mut tasks = Tasks::new(turns, 1, 3);
        let others = [0, 1].into_iter().take(usize::try_from(turns).unwrap());
        others.clone().for_each(|at| tasks.ask(at, Standing::Arrival));
        tasks.ask(2, Standing::Arrival);
        let mut overtaken = 0;
        while !matches!(tasks.tasks[2].stage, Stage::Running(_)) {
            for at in others.clone() {
                tasks.end(at, 1_000);
                tasks.ask(at, Standing::Arrival);
                tasks.check();
            }
            if tasks.is_woken(2) {
                tasks.poll(2);
            }
            overtaken += 1;
            assert!(overtaken < 100, "the waiter starves");
        }
        assert!(overtaken <= 5, "four times, and the turn that it keeps");
        // Those that it kept waiting are served now.
        tasks.end(2, 1_000);
        for at in others {
            tasks.poll(at);
            assert!(matches!(tasks.tasks[at].stage, Stage::Running(_)));
        }
    }
}

#[test]
fn a_waiter_whose_turn_another_lane_takes_interrupts_the_guests_that_come_after_it() {
    let tasks = Tasks::new(2, 4, 4);
    let (turns, preempted) = (&tasks.turns, Arc::new(AtomicUsize::new(0)));
    turns.set_preempt({
        let preempted = Arc::clone(&preempted);
        move || _ = preempted.fetch_add(1, Ordering::Relaxed)
    });
    let [earlier, waiting, late, other] = [0, 1, 2, 3].map(|at| &tasks.lanes[at]);
    for lane in [late, other] {
        assert!(turns.try_take(lane));
        lane.charge(10_000_000);
    }
    let ask = |lane| turns.ask(lane, 1_000, Standing::Arrival, Waker::noop());
    // It comes later than a lane that was idle.
    waiting.charge(15_500_000);
    let Ok(Asked::Waiting(id)) = ask(waiting) else { panic!("all turns are taken") };
    assert_eq!(preempted.load(Ordering::Relaxed), 1);
    turns.give_back(other, Paid::default(), 1);
    // The turn was given, and is not taken yet.
    let Ok(Asked::Taken(paid)) = ask(earlier) else { panic!("it comes before the waiter") };
    assert_eq!(preempted.load(Ordering::Relaxed), 2);
    assert!(turns.must_yield(late, Paid::default(), 1));
    turns.give_back(late, Paid::default(), 1);
    assert!(turns.poll(id, Waker::noop()).is_ready());
    turns.give_back(earlier, paid, 1);
}
