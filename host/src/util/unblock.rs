//! Blocking work for async callers: it runs on the thread pool that the runtime has for it.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// A share of the pool for blocking work of whichever tokio runtime the caller has. Everything else that blocks in the
/// caller's program uses the same pool, so a burst of work must not take all of its threads.
pub(crate) struct Unblock(Arc<Semaphore>);

impl Unblock {
    /// A share of as many threads as this machine has processors: the work computes, so more would not be faster.
    pub(crate) fn new() -> Self {
        Self::of(processors())
    }

    fn of(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Runs `work` on the pool, once it is its turn. If the future is dropped before that, the work is not done; if it
    /// is dropped later, the work still finishes.
    ///
    /// # Errors
    /// The reason, if the caller has no runtime, or it is shut down before the work has begun, or the work panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let runtime = Handle::try_current().map_err(|error| error.to_string())?;
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|error| error.to_string())?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        runtime.spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}

/// The number of processors of this machine.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_panic_is_an_error_and_frees_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let one = Unblock::of(1);
        let error = runtime.block_on(one.run(|| panic!("broken"))).unwrap_err();
        assert!(error.contains("broken"), "{error}");
        assert_eq!(runtime.block_on(one.run(|| 7)), Ok(7));
    }

    #[test]
    fn without_a_runtime_it_is_an_error() {
        assert!(matches!(poll(pin!(Unblock::of(1).run(|| 7))), Poll::Ready(Err(_))));
    }

    #[test]
    fn work_waits_for_its_turn_and_is_not_done_if_it_is_dropped_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let one = Unblock::of(1);
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        runtime.block_on(async {
            let mut first = pin!(one.run(move || released.recv()));
            assert!(poll(first.as_mut()).is_pending());
            let work = |name: &'static str| {
                let begun = begun.clone();
                move || begun.send(name)
            };
            let mut second = pin!(one.run(work("second")));
            assert!(poll(second.as_mut()).is_pending());
            {
                let mut third = Box::pin(one.run(work("third")));
                assert!(poll(third.as_mut()).is_pending());
            }
            assert!(begins.try_recv().is_err(), "the first has the only turn");
            release.send(()).unwrap();
            first.await.unwrap().unwrap();
            second.await.unwrap().unwrap();
        });
        drop(begun);
        assert_eq!(begins.into_iter().collect::<Vec<_>>(), ["second"]);
    }
}
