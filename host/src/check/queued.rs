//! The time that an evaluation may wait before its first turn.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use crate::check::configured::Configured;
use crate::fault::{Cause, Fault};
use crate::guest::turn::Turn;
use crate::tenant::Tenant;
use crate::tenant::holdings::Waiter;
use crate::turns::refusal::Refusal;

/// An evaluation that waits: for admission of the check and of the pool, and for its first turn. All of it together must
/// not take longer than [`TenantBudget::queue_time`](crate::TenantBudget::queue_time), or
/// [`HostLimits::queue_time`](crate::HostLimits::queue_time) without it.
#[derive(Clone, Copy)]
pub(super) struct Queued<'a> {
    tenant: &'a Tenant,
    pub(super) start: Instant,
    /// The deadline of the evaluation.
    pub(super) end: Instant,
    /// The end of the time in the queue, if it is limited.
    queue_end: Option<Instant>,
}

impl<'a> Queued<'a> {
    pub(super) fn new(check: &'a Configured, start: Instant, end: Instant) -> Self {
        let tenant = check.membership.tenant();
        let queue_time = tenant.queue_time().or(check.plugin.host().limits().queue_time);
        Self { tenant, start, end, queue_end: queue_time.and_then(|time| start.checked_add(time)) }
    }

    /// The time until which it waits.
    pub(super) fn until(&self) -> Instant {
        self.queue_end.map_or(self.end, |end| end.min(self.end))
    }

    /// Waits for `work`. If it is not ready at once, the evaluation counts as one that waits.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let mut work = pin!(work);
        let done = match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(done) => done,
            Poll::Pending => {
                let _waits = Waiter::new(self.tenant)?;
                work.await
            }
        };
        done.map_err(|fault| self.fault(fault))
    }

    /// The fault for a wait that ended with this one.
    fn fault(&self, fault: Fault) -> Fault {
        let is_too_long = self.queue_end.is_some_and(|end| end < self.end && Instant::now() >= end);
        if is_too_long && fault.cause == Cause::NoCapacity { Refusal::QueuedTooLong.into() } else { fault }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let until = self.until();
        let taken = async {
            turn.take(until).await.map_err(|refusal| match refusal {
                Refusal::Deadline if until < self.end => Refusal::QueuedTooLong.into(),
                _ => refusal.into(),
            })
        };
        self.wait(taken).await
    }

    /// Does work that does not count as waiting, such as loading code.
    pub(super) async fn not_counting<T>(&mut self, work: impl Future<Output = T>) -> T {
        let Some(queue_end) = &mut self.queue_end else { return work.await };
        let began = Instant::now();
        let done = work.await;
        *queue_end += began.elapsed();
        done
    }
}
