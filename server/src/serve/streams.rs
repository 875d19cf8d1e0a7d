//! The streams of one connection of HTTP/2: a task for each request.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::lock::lock;

tokio::task_local! {
    /// When the answer of the stream was ready.
    static ANSWERED: Cell<Option<Instant>>;
}

/// The streams of one connection. A clone is shallow.
#[derive(Debug, Clone)]
pub(super) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The time in which a caller takes its answer.
    answer_time: Duration,
    tasks: Mutex<JoinSet<()>>,
    open: Arc<Open>,
}

/// The number of open streams.
#[derive(Debug)]
struct Open {
    state: Mutex<(usize, Instant)>,
    finished: Notify,
}

/// One of them.
struct OpenStream(Arc<Open>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        *state = (state.0.saturating_sub(1), Instant::now());
        if state.0 == 0 {
            self.0.finished.notify_one();
        }
    }
}

/// Ends all streams when it is dropped.
pub(super) struct EndOnDrop(Streams);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        lock(&self.0.0.tasks).abort_all();
    }
}

/// Says that the answer of the stream of this task is ready: from now on, its caller must take it.
pub(super) fn answered() {
    let _ = ANSWERED.try_with(|answered| answered.set(Some(Instant::now())));
}

impl Streams {
    pub(super) fn new(answer_time: Duration) -> Self {
        let open = Open { state: Mutex::new((0, Instant::now())), finished: Notify::new() };
        Self(Arc::new(Inner { answer_time, tasks: Mutex::default(), open: Arc::new(open) }))
    }

    /// The time since which no stream is open, if none is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let (open, since) = *lock(&self.0.open.state);
        (open == 0).then_some(since)
    }

    /// Ends all streams when the value is dropped. They hold clones themselves, so the last clone does not.
    pub(super) fn end_on_drop(&self) -> EndOnDrop {
        EndOnDrop(self.clone())
    }

    /// Waits until no stream is open any more.
    pub(super) async fn finished(&self) {
        self.0.open.finished.notified().await;
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let Inner { answer_time, tasks, open } = &*self.0;
        lock(&open.state).0 += 1;
        let open = OpenStream(Arc::clone(open));
        let work = until_taken(stream, *answer_time);
        let mut tasks = lock(tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            work.await;
            drop(open);
        });
    }
}

/// Runs a stream until it ends, or its caller does not take the answer in time. Then it is reset.
async fn until_taken(stream: impl Future<Output = ()>, answer_time: Duration) {
    let bounded = async {
        let mut stream = std::pin::pin!(stream);
        let overdue = std::pin::pin!(overdue(answer_time));
        tokio::select! {
            biased;
            () = stream.as_mut() => {}
            () = overdue => {}
        }
    };
    ANSWERED.scope(Cell::new(None), bounded).await;
}

/// Waits until the time for taking the answer is over.
async fn overdue(answer_time: Duration) {
    // It is polled after each poll of the stream, one of which makes the answer.
    let answered = std::future::poll_fn(|_| match ANSWERED.with(Cell::get) {
        Some(answered) => std::task::Poll::Ready(answered),
        None => std::task::Poll::Pending,
    });
    sleep_until(answered.await + answer_time).await;
}
