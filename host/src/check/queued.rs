//! The time that an evaluation may wait before its first turn.

use std::time::Instant;

use crate::check::configured::Configured;
use crate::fault::{Cause, Fault};
use crate::guest::turn::Turn;
use crate::turns::refusal::Refusal;

/// An evaluation that waits: for admission of the check and of the pool, and for its first turn. All of it together must
/// not take longer than [`HostLimits::queue_time`](crate::HostLimits::queue_time).
#[derive(Clone, Copy)]
pub(super) struct Queued {
    pub(super) start: Instant,
    /// The deadline of the evaluation.
    pub(super) end: Instant,
    /// The end of the time in the queue, if it is limited.
    queue_end: Option<Instant>,
}

impl Queued {
    pub(super) fn new(check: &Configured, start: Instant, end: Instant) -> Self {
        let queue_time = check.plugin.host().limits().queue_time;
        Self { start, end, queue_end: queue_time.and_then(|time| start.checked_add(time)) }
    }

    /// The time until which it waits.
    pub(super) fn until(&self) -> Instant {
        self.queue_end.map_or(self.end, |end| end.min(self.end))
    }

    /// The fault for a wait that ended with this one.
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        let is_too_long = self.queue_end.is_some_and(|end| end < self.end && Instant::now() >= end);
        if is_too_long && fault.cause == Cause::NoCapacity { Refusal::QueuedTooLong.into() } else { fault }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        turn.take(self.until()).await.map_err(|refusal| match refusal {
            Refusal::Deadline if self.until() < self.end => Refusal::QueuedTooLong.into(),
            _ => refusal.into(),
        })
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
