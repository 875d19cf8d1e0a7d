//! The same without async: each function blocks its thread until the decision is made, at most until the deadlines
//! of its checks, as far as these are plugins.
//!
//! They may be called anywhere, also inside an async runtime, where they hold up the thread they are called on.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use arc_swap::ArcSwapOption;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::auth_check::AuthCheck;
use crate::auth_checks::AuthChecks;
use crate::context::AuthContext;
use crate::decision::Decision;
use crate::outcome::{Cause, Fault};
use crate::report::Report;
use crate::run;

/// Blocks on [`run_auth_checks`](crate::run_auth_checks).
pub fn run_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Decision {
    explain_auth_checks(checks, context).decision
}

/// Blocks on [`explain_auth_checks`](crate::explain_auth_checks).
pub fn explain_auth_checks<C: AuthCheck>(checks: &[C], context: &AuthContext) -> Report {
    explain(&AuthChecks::new(checks), context)
}

/// Blocks on [`AuthChecks::explain`].
pub fn explain<C: AuthCheck>(checks: &AuthChecks<'_, C>, context: &AuthContext) -> Report {
    block_on(checks.explain(context)).unwrap_or_else(|fault| run::impossible(&fault))
}

/// Blocks on [`AuthChecks::explain_batch`].
#[must_use]
pub fn explain_batch<C: AuthCheck>(checks: &AuthChecks<'_, C>, contexts: &[AuthContext]) -> Vec<Report> {
    block_on(checks.explain_batch(contexts))
        .unwrap_or_else(|fault| contexts.iter().map(|_| run::impossible(&fault)).collect())
}

/// Runs a future on this thread, with timers that work although this thread drives no runtime.
///
/// It fails, as a fault of the host, if there is no thread to keep time.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Fault> {
    let timers = timers().map_err(|error| Fault::new(Cause::Host, error))?;
    let thread = Arc::new(Parked { thread: std::thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&thread));
    // Inside a task that has used up its share of the runtime, a timer would never be ready: this thread cannot give
    // the task a new share, because it does not return to the runtime.
    let mut future = pin!(tokio::task::coop::unconstrained(future));
    loop {
        let poll = {
            let _entered = timers.handle.enter();
            future.as_mut().poll(&mut Context::from_waker(&waker))
        };
        match poll {
            Poll::Ready(output) => return Ok(output),
            Poll::Pending => thread.wait(),
        }
    }
}

/// A thread that waits to be woken. Whatever runs inside the future may park and unpark the same thread for its own
/// ends, so that alone says nothing.
struct Parked {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Parked {
    fn wait(&self) {
        while !self.is_woken.swap(false, Ordering::AcqRel) {
            std::thread::park();
        }
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// One thread for the whole process that does nothing but keep time, started at the first need.
///
/// A child that was forked has none of its parent's threads, and starts one of its own.
fn timers() -> Result<Arc<Timers>, String> {
    static TIMERS: ArcSwapOption<Timers> = ArcSwapOption::const_empty();
    let found = TIMERS.load_full();
    if let Some(timers) = found.as_ref().filter(|timers| timers.process == std::process::id()) {
        return Ok(Arc::clone(timers));
    }
    let started = Arc::new(Timers::start()?);
    // Of several that start one at the same time, the last one's stays, and the others' end with what they were for.
    TIMERS.store(Some(Arc::clone(&started)));
    Ok(started)
}

/// A thread that keeps time, in one process.
struct Timers {
    process: u32,
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Timers {
    fn start() -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("guardhouse-timers")
            .enable_time()
            .build()
            .map_err(|error| format!("cannot start the thread that keeps time: {error}"))?;
        Ok(Self { process: std::process::id(), handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        match self.runtime.take() {
            Some(runtime) if self.process == std::process::id() => runtime.shutdown_background(),
            // Its thread is in another process: to wait for it would be for ever.
            elsewhere => std::mem::forget(elsewhere),
        }
    }
}
