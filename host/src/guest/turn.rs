//! The turns of one evaluation: a guest runs only while it has one, and its tenant is charged for the processor time.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::fault::Fault;
use crate::guest::cpu_time::{Running, Slice};
use crate::tenant::Tenant;
use crate::turns::estimate::Estimate;
use crate::turns::fair_queue::{Paid, Standing};
use crate::turns::refusal::Refusal;
use crate::turns::{Asked, WaiterId};
use crate::util::microseconds::nanoseconds;

/// The turns of one evaluation, or of other work with a guest. It begins with [`take`](Self::take) or
/// [`run`](Self::run), and ends with [`end`](Self::end) or when it is dropped. Everything that happens in between on
/// this thread, such as making and dropping an instance, is charged to the tenant; so declare it before the instance.
/// While a turn is held, nothing may be awaited but `run`.
pub(crate) struct Turn<'a> {
    tenant: &'a Tenant,
    /// The estimate of what one turn costs.
    estimate: Option<&'a Estimate>,
    tick: Duration,
    standing: Standing,
    stage: Stage,
    /// The processor time of the slices that have ended.
    cpu_time: Duration,
    /// The time since when the work is given up, without a turn.
    given_up: Option<Instant>,
}

enum Stage {
    /// It neither has a turn nor waits for one.
    Outside,
    Waiting(WaiterId),
    Running(Running),
}

impl<'a> Turn<'a> {
    /// The turns of an evaluation, which may be refused if too many wait. Nothing is taken yet.
    pub(crate) fn of_evaluation(tenant: &'a Tenant, estimate: &'a Estimate, tick: Duration) -> Self {
        Self::new(tenant, Some(estimate), Standing::Arrival, tick)
    }

    /// The turns of work that is not refused, such as configuring an instance. Nothing is taken yet.
    pub(crate) fn of(tenant: &'a Tenant, tick: Duration) -> Self {
        Self::new(tenant, None, Standing::Certain, tick)
    }

    fn new(tenant: &'a Tenant, estimate: Option<&'a Estimate>, standing: Standing, tick: Duration) -> Self {
        let (stage, cpu_time) = (Stage::Outside, Duration::ZERO);
        Self { tenant, estimate, tick, standing, stage, cpu_time, given_up: None }
    }

    /// The turn of work without a guest, which may be refused if too many wait. Nothing is taken yet.
    pub(crate) fn of_work(tenant: &'a Tenant, tick: Duration) -> Self {
        Self::new(tenant, None, Standing::Arrival, tick)
    }

    /// Does `work` without a guest in a turn, which it waits for until `end`; without one if there is none by then. The
    /// tenant is charged in both cases.
    pub(crate) async fn work<T>(mut self, end: Instant, work: impl FnOnce() -> T) -> T {
        if self.take(end).await.is_ok() {
            return work();
        }
        self.given_up = Some(Instant::now());
        work()
    }

    /// Waits for a turn until `end`.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(crate) async fn take(&mut self, end: Instant) -> Result<(), Refusal> {
        if self.try_take() {
            return Ok(());
        }
        let mut timer = pin!(tokio::time::sleep_until(end.into()));
        std::future::poll_fn(|context| self.poll_take(context, |context| timer.as_mut().poll(context).is_ready())).await
    }

    /// Runs a guest until `end`, in as many turns as it needs, and keeps the last one. `can_wait` says whether it may wait
    /// for anything but the processor.
    ///
    /// # Errors
    /// A fault if no turn became free before `end`. The guest is stopped where it is, and needs no turn for that.
    pub(crate) async fn run<F: Future>(
        &mut self,
        mut guest: Pin<&mut F>,
        end: Instant,
        can_wait: bool,
    ) -> Result<F::Output, Fault> {
        let mut guard = GivenUp(Some(self));
        let mut timer: Option<Pin<Box<Sleep>>> = None;
        let done = std::future::poll_fn(|context| {
            let Some(turn) = &mut guard.0 else { return Poll::Pending };
            let is_over = |context: &mut Context<'_>| {
                let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end.into())));
                timer.as_mut().poll(context).is_ready()
            };
            match turn.poll_take(context, is_over) {
                Poll::Ready(Ok(())) => turn.poll_guest(guest.as_mut(), context, can_wait).map(Ok),
                Poll::Ready(Err(refusal)) => Poll::Ready(Err(refusal)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if done.is_ok() {
            guard.0 = None;
        }
        Ok(done?)
    }

    /// Gives a turn back that was not needed yet.
    pub(crate) fn give_back(&mut self) {
        if let Stage::Running(running) = self.stage {
            self.stage = Stage::Outside;
            self.end_slice(running, |turn, paid, cost| turn.tenant.turns().give_back(turn.tenant.lane(), paid, cost));
        }
    }

    /// Gives the turn back, and returns the processor time of all.
    pub(crate) fn end(mut self) -> Duration {
        self.finish();
        self.cpu_time
    }

    fn finish(&mut self) {
        self.give_back();
        self.leave();
        if let Some(since) = self.given_up.take() {
            let cost = since.elapsed();
            self.cpu_time += cost;
            self.tenant.charge_cpu_time(cost);
            self.tenant.charge_without_turn(cost);
        }
    }

    /// Ends the wait for a turn, if there is one.
    fn leave(&mut self) {
        if let Stage::Waiting(id) = self.stage {
            self.stage = Stage::Outside;
            self.tenant.turns().leave(id);
        }
    }

    /// Takes a turn if it needs none, or if one is free and nobody waits.
    fn try_take(&mut self) -> bool {
        let turns = self.tenant.turns();
        // One evaluation inside another uses its turn.
        if !turns.is_shared() || Running::here().is_some() {
            self.begin_slice(None);
            return true;
        }
        let is_taken = turns.try_take(self.tenant.lane());
        if is_taken {
            self.begin_slice(Some(Paid::default()));
        }
        is_taken
    }

    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        is_over: impl FnOnce(&mut Context<'_>) -> bool,
    ) -> Poll<Result<(), Refusal>> {
        let turns = self.tenant.turns();
        let asked = match self.stage {
            Stage::Running(_) => return Poll::Ready(Ok(())),
            Stage::Waiting(id) => turns.poll(id, context.waker()),
            Stage::Outside => {
                if self.try_take() {
                    return Poll::Ready(Ok(()));
                }
                match turns.ask(self.tenant.lane(), self.estimated(), self.standing, context.waker()) {
                    Ok(Asked::Taken(paid)) => Poll::Ready(Ok(paid)),
                    Ok(Asked::Waiting(id)) => {
                        self.stage = Stage::Waiting(id);
                        Poll::Pending
                    }
                    Err(refusal) => Poll::Ready(Err(refusal)),
                }
            }
        };
        match asked {
            Poll::Ready(Ok(paid)) => {
                self.begin_slice(Some(paid));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(refusal)) => {
                self.stage = Stage::Outside;
                Poll::Ready(Err(refusal))
            }
            Poll::Pending if is_over(context) => {
                self.leave();
                Poll::Ready(Err(Refusal::Deadline))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Polls the guest in the turn that is held. If it is not ready, its turn is given back; a guest that wants to go on
    /// waits for the next one at once, and so keeps its claim.
    fn poll_guest<F: Future>(
        &mut self,
        guest: Pin<&mut F>,
        context: &mut Context<'_>,
        can_wait: bool,
    ) -> Poll<F::Output> {
        let Stage::Running(running) = self.stage else { return Poll::Pending };
        let (poll, wants_more) = if can_wait {
            let woken = Arc::new(Woken { is_woken: AtomicBool::new(false), task: context.waker().clone() });
            let waker = Waker::from(Arc::clone(&woken));
            let poll = running.run(|| guest.poll(&mut Context::from_waker(&waker)));
            (poll, woken.is_woken.load(Ordering::Acquire))
        } else {
            (running.run(|| guest.poll(context)), true)
        };
        if poll.is_pending() {
            self.stage = Stage::Outside;
            self.end_slice(running, |turn, paid, cost| {
                let (turns, lane) = (turn.tenant.turns(), turn.tenant.lane());
                if wants_more {
                    let id = turns.give_back_and_wait(lane, paid, cost, turn.estimated(), context.waker());
                    turn.stage = Stage::Waiting(id);
                } else {
                    turns.give_back(lane, paid, cost);
                    turn.standing = Standing::Resuming;
                }
            });
        }
        poll
    }

    fn begin_slice(&mut self, paid: Option<Paid>) {
        let is_first = matches!(self.standing, Standing::Arrival | Standing::Certain);
        let slice = if is_first { Slice::first(self.tick) } else { Slice::next(self.cpu_time) };
        self.standing = Standing::Returning;
        self.stage = Stage::Running(Running { slice, paid });
    }

    /// Ends a slice. `give` gives its turn back, if it had one.
    fn end_slice(&mut self, running: Running, give: impl FnOnce(&mut Self, Paid, u64)) {
        let used = running.slice.used();
        self.cpu_time += used;
        self.tenant.charge_cpu_time(used);
        if let Some(paid) = running.paid {
            let cost = nanoseconds(used);
            self.learn(paid, cost);
            give(self, paid, cost);
        }
    }

    /// The estimate of the next turn, in nanoseconds: at most a tick, after which a guest yields.
    fn estimated(&self) -> u64 {
        let known = self.estimate.and_then(Estimate::get).or_else(|| self.tenant.turns().estimate().get());
        known.unwrap_or_default().clamp(1_000, nanoseconds(self.tick).max(1_000))
    }

    /// Improves the estimates, but not at every turn that nobody waited for.
    fn learn(&self, paid: Paid, cost: u64) {
        let Some(estimate) = self.estimate else { return };
        if paid != Paid::default() || estimate.get().is_none() {
            estimate.learn(cost);
            self.tenant.turns().estimate().learn(cost);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Work that is given up if it is dropped: from then on, the tenant is charged for it without a turn.
struct GivenUp<'t, 'a>(Option<&'t mut Turn<'a>>);

impl Drop for GivenUp<'_, '_> {
    fn drop(&mut self) {
        if let Some(turn) = &mut self.0 {
            turn.leave();
            if matches!(turn.stage, Stage::Outside) {
                turn.given_up = Some(Instant::now());
            }
        }
    }
}

/// Whether a task was woken while it was polled: then it wants the processor.
struct Woken {
    is_woken: AtomicBool,
    task: Waker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, poll_fn, ready};
    use std::sync::LazyLock;

    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::fault::Cause;
    use crate::tenant::registry::Tenants;
    use crate::turns::{TurnSettings, Turns};
    use crate::util::block_on::block_on;

    const TICK: Duration = Duration::from_millis(1);

    /// Two tenants of a host with one turn.
    fn tenants(queue_of_tenant: usize) -> (Arc<Turns>, [Tenant; 2]) {
        let turns = Arc::new(Turns::new(TurnSettings {
            turns: 1,
            tick: TICK,
            queue_of_tenant,
            queue: 100,
            ticks_to_take: 10,
            is_shared: true,
        }));
        let tenants = Tenants::new(Arc::clone(&turns), 0);
        (turns, ["a", "b"].map(|name| tenants.get(Some(name.to_owned()))))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3_600)
    }

    /// Polls a future where there are timers.
    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        static TIMERS: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().enable_time().build().unwrap());
        let _entered = TIMERS.enter();
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// A guest that yields a number of times, and then is ready.
    fn yields(times: usize) -> impl Future<Output = ()> {
        let mut left = times;
        poll_fn(move |context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Calls a function when it is dropped.
    struct AtDrop<F: FnMut()>(F);

    impl<F: FnMut()> Drop for AtDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    #[test]
    fn g13_an_evaluation_inside_another_needs_no_turn() {
        let (turns, [outer, inner]) = tenants(0);
        let mut turn = Turn::of(&outer, TICK);
        let guest = poll_fn(|_| {
            assert_eq!(turns.free_and_waiting(), (0, 0));
            let mut nested = Turn::of(&inner, TICK);
            assert!(poll(pin!(nested.take(later()))).is_ready());
            assert!(poll(pin!(nested.run(pin!(ready(())), later(), false))).is_ready());
            nested.end();
            assert_eq!(turns.free_and_waiting(), (0, 0));
            Poll::Ready(())
        });
        assert!(poll(pin!(turn.run(pin!(guest), later(), false))).is_ready());
        turn.end();
        assert_eq!(turns.free_and_waiting(), (1, 0));
    }

    #[test]
    fn g16_what_is_dropped_is_dropped_in_the_turn_of_its_owner_and_charged_to_it() {
        let (turns, [tenant, _]) = tenants(0);
        let mut turn = Turn::of(&tenant, TICK);
        assert!(poll(pin!(turn.take(later()))).is_ready());
        let before = tenant.lane().tag();
        let instance = AtDrop(|| assert_eq!(turns.free_and_waiting(), (0, 0), "it has the turn"));
        assert!(poll(pin!(turn.run(pin!(ready(())), later(), false))).is_ready());
        drop(instance);
        let cpu_time = turn.end();
        assert_eq!(turns.free_and_waiting(), (1, 0));
        assert_eq!(tenant.lane().tag().wrapping_sub(before), nanoseconds(cpu_time), "at the default weight");
    }

    #[test]
    fn g16_what_is_given_up_is_charged_to_its_owner_without_a_turn() {
        let (turns, [tenant, _]) = tenants(0);
        let paid = {
            let mut turn = Turn::of(&tenant, TICK);
            let _instance = AtDrop(|| assert_eq!(turns.free_and_waiting(), (1, 0), "it has no turn"));
            let guest = pin!(pending::<()>());
            assert!(poll(pin!(turn.run(guest, later(), true))).is_pending());
            tenant.lane().tag()
        };
        assert!(tenant.lane().tag() > paid);
        assert_eq!(turns.free_and_waiting(), (1, 0));
    }

    #[test]
    fn dropped_after_any_number_of_polls_it_gives_back_everything() {
        for (can_wait, holds) in [(false, false), (true, false), (false, true)] {
            for polls in 0..6 {
                let (turns, [tenant, other]) = tenants(1);
                if holds {
                    assert!(turns.try_take(other.lane()));
                }
                {
                    let mut turn = Turn::of(&tenant, TICK);
                    let mut guest = pin!(yields(4));
                    let mut running = pin!(turn.run(guest.as_mut(), later(), can_wait));
                    for _ in 0..polls.min(5) {
                        if poll(running.as_mut()).is_ready() {
                            break;
                        }
                    }
                    let waiting = usize::try_from(turns.free_and_waiting().1).unwrap();
                    assert_eq!(waiting, usize::from(holds && polls > 0));
                }
                assert_eq!(turns.free_and_waiting(), (i32::from(!holds), 0), "after {polls} polls");
                assert_eq!(turns.waiters(), 0);
            }
        }
    }

    #[test]
    fn a_guest_that_waits_for_something_else_has_no_turn_and_one_that_was_woken_keeps_its_claim() {
        let (turns, [tenant, _]) = tenants(1);
        let mut turn = Turn::of(&tenant, TICK);
        {
            let guest = pin!(pending::<()>());
            let mut waiting = pin!(turn.run(guest, later(), true));
            for _ in 0..2 {
                assert!(poll(waiting.as_mut()).is_pending());
                assert_eq!((turns.free_and_waiting(), turns.waiters()), ((1, 0), 0));
            }
        }
        let guest = pin!(yields(1));
        let mut yielding = pin!(turn.run(guest, later(), true));
        assert!(poll(yielding.as_mut()).is_pending());
        assert_eq!((turns.free_and_waiting(), turns.waiters()), ((0, 0), 1));
        assert!(poll(yielding.as_mut()).is_ready());
    }

    #[test]
    fn a_guest_that_yields_gives_way_to_a_tenant_that_comes_before_it() {
        let (turns, [greedy, good]) = tenants(1);
        let (mut greedy, mut good) = (Turn::of(&greedy, TICK), Turn::of(&good, TICK));
        let guest = pin!(yields(2));
        let mut running = pin!(greedy.run(guest, later(), false));
        assert!(poll(running.as_mut()).is_pending());
        {
            let guest = pin!(ready(()));
            let mut arriving = pin!(good.run(guest, later(), false));
            assert!(poll(arriving.as_mut()).is_ready());
            // Nothing of the guest runs: it would be ready after two polls.
            for _ in 0..5 {
                assert!(poll(running.as_mut()).is_pending());
            }
        }
        good.end();
        assert!(poll(running.as_mut()).is_pending());
        assert!(poll(running.as_mut()).is_ready());
        assert_eq!(turns.free_and_waiting(), (0, 0));
    }

    #[test]
    fn a_guest_over_its_deadline_ends_without_a_turn() {
        let (turns, [other, late]) = tenants(1);
        let mut turn = Turn::of(&late, TICK);
        let done = block_on(async {
            let polls = Cell::new(0);
            let guest = pin!(poll_fn(|context| {
                polls.set(polls.get() + 1);
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            let mut running = pin!(turn.run(guest, Instant::now() + Duration::from_millis(5), false));
            let mut is_pending = async || poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_pending())).await;
            assert!(is_pending().await);
            // Another tenant takes the turn, and does not give it back.
            let taken = turns.ask(other.lane(), 1, Standing::Arrival, Waker::noop());
            assert!(matches!(taken, Ok(Asked::Taken(_))));
            (running.await, polls.get())
        });
        let (done, polls) = done.unwrap();
        assert_eq!((done.unwrap_err().cause, polls), (Cause::Deadline, 1));
        assert_eq!((turns.free_and_waiting(), turns.waiters()), ((0, 0), 0));
    }

    #[test]
    fn a_wait_over_its_deadline_ends_and_one_too_many_is_refused_at_once() {
        let (turns, [holder, other]) = tenants(1);
        assert!(turns.try_take(holder.lane()));
        let estimate = Estimate::default();
        let mut first = Turn::of_evaluation(&other, &estimate, TICK);
        let mut second = Turn::of_evaluation(&other, &estimate, TICK);
        let (first, second) = block_on(async {
            let mut first = pin!(first.take(Instant::now() + Duration::from_millis(5)));
            assert!(poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_pending())).await);
            let second = second.take(later()).await;
            (first.await, second)
        })
        .unwrap();
        assert_eq!((first, second), (Err(Refusal::Deadline), Err(Refusal::QueueFull)));
        assert_eq!(Fault::from(Refusal::QueueFull).cause, Cause::QueueFull);
        assert_eq!((turns.free_and_waiting(), turns.waiters()), ((0, 0), 0));
        assert_eq!(turns.usage().refused, 1);
    }
}
