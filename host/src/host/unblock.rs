//! Blocking work for async callers: it runs on the thread pool that the runtime has for it, in turns between tenants.

use tokio::runtime::Handle;

use crate::engine::Engines;
use crate::engine::fair_admission::FairAdmission;
use crate::tenant::Tenant;
use crate::tenant::share::Resource;
use crate::util::processors::processors;

/// A share of the pool for blocking work of whichever tokio runtime the caller has. Everything else that blocks in the
/// caller's program uses the same pool, so a burst of work must not take all of its threads. A tenant has one of them at
/// a time, however much it wants: its work may take as long as its deadlines allow.
pub(crate) struct Unblock(FairAdmission);

impl Unblock {
    /// A share of as many threads as this machine has processors: the work computes, so more would not be faster. There
    /// are at least two, so that one tenant leaves a thread to others.
    pub(super) fn new(what: &'static str, resource: Resource) -> Self {
        Self::of(what, resource, processors().max(2))
    }

    fn of(what: &'static str, resource: Resource, threads: usize) -> Self {
        Self(Engines::blocking(what, resource, threads))
    }

    /// Runs `work` of a tenant on the pool, once it is its turn. If the future is dropped before that, the work is not
    /// done; if it is dropped later, the work still finishes. The tenant must be one of this host.
    ///
    /// # Errors
    /// The reason, if the caller has no runtime, or it is shut down before the work has begun, or the work panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        tenant: Option<&Tenant>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let runtime = Handle::try_current().map_err(|error| error.to_string())?;
        let turn = self.0.admit_in_the_end(tenant, 1).await.ok_or("too much work waits")?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        runtime.spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::tenant::registry::Tenants;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn one_thread() -> Unblock {
        Unblock::of("loading", Resource::Loading, 1)
    }

    #[test]
    fn the_endless_work_of_a_tenant_leaves_a_thread_to_others() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tenants = Tenants::with_default_turns(0);
        let [greedy, good, other] = ["greedy", "good", "other"].map(|name| tenants.get(Some(name.to_owned())));
        let two = Unblock::of("loading", Resource::Loading, 2);
        let (begun, begins) = mpsc::channel();
        let work = |name: &'static str| {
            let begun = begun.clone();
            move || begun.send(name).unwrap()
        };
        let (release, released) = mpsc::channel::<()>();
        runtime.block_on(async {
            let mut endless = pin!(two.run(Some(&greedy), move || released.recv()));
            assert!(poll(endless.as_mut()).is_pending());
            let mut others: Vec<_> = (0..256).map(|_| Box::pin(two.run(Some(&greedy), work("greedy")))).collect();
            assert!(others.iter_mut().all(|other| poll(other.as_mut()).is_pending()));
            two.run(Some(&good), work("good")).await.unwrap();
            two.run(Some(&other), work("other")).await.unwrap();
            two.run(None, work("none")).await.unwrap();
            assert_eq!(begins.try_iter().collect::<Vec<_>>(), ["good", "other", "none"]);
            release.send(()).unwrap();
            endless.await.unwrap().unwrap();
            for other in others {
                other.await.unwrap();
            }
        });
        assert_eq!(begins.try_iter().count(), 256);
    }

    #[test]
    fn a_panic_is_an_error_and_frees_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let one = one_thread();
        let error = runtime.block_on(one.run(None, || panic!("broken"))).unwrap_err();
        assert!(error.contains("broken"), "{error}");
        assert_eq!(runtime.block_on(one.run(None, || 7)), Ok(7));
    }

    #[test]
    fn without_a_runtime_it_is_an_error() {
        assert!(matches!(poll(pin!(one_thread().run(None, || 7))), Poll::Ready(Err(_))));
    }

    #[test]
    fn work_waits_for_its_turn_and_is_not_done_if_it_is_dropped_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let one = one_thread();
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        runtime.block_on(async {
            let mut first = pin!(one.run(None, move || released.recv()));
            assert!(poll(first.as_mut()).is_pending());
            let work = |name: &'static str| {
                let begun = begun.clone();
                move || begun.send(name)
            };
            let mut second = pin!(one.run(None, work("second")));
            assert!(poll(second.as_mut()).is_pending());
            {
                let mut third = Box::pin(one.run(None, work("third")));
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
