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
        if let Stage::Running(running) = std::mem::replace(&mut self.stage, Stage::Outside) {
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
                }
            });
        }
        poll
    }

    fn begin_slice(&mut self, paid: Option<Paid>) {
        let is_first = self.standing != Standing::Returning;
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
