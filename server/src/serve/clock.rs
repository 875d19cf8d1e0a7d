//! The clock of a connection on which one request follows the other.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::progress::Progress;
use crate::config::connections::ConnectionLimits;

/// One timer, which is set again only if its phase ends earlier than the one before would.
pub(super) struct Clock<'a> {
    progress: &'a Progress,
    limits: &'a ConnectionLimits,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(progress: &'a Progress, limits: &'a ConnectionLimits) -> Self {
        let end = Instant::from_std(progress.end(limits));
        Self { progress, limits, sleep: Box::pin(sleep_until(end)) }
    }

    /// Ready when the client is too slow.
    pub(super) fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = Instant::from_std(self.progress.end(self.limits));
        if end < self.sleep.deadline() {
            self.sleep.as_mut().reset(end);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let end = Instant::from_std(self.progress.end(self.limits));
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(end);
        }
    }

    /// The result of `work`; none if the client is too slow.
    pub(super) async fn within<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_overdue(cx).map(|()| None),
        })
        .await
    }
}
