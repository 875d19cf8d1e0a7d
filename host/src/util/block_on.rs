//! A small executor: one future, on the calling thread, with timers.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use arc_swap::ArcSwapOption;
use forkguard::atfork::Guard;
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs a future on this thread. A separate thread drives its timers, because this thread does not drive a runtime. The
/// function may also be called inside an async runtime, where it blocks a thread of the runtime.
///
/// # Errors
/// The error of the operating system if the thread for timers cannot be started.
pub(crate) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let timers = timers()?;
    let thread = Arc::new(Parked { thread: std::thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&thread));
    // A task that has used up its cooperative budget never sees a timer as ready, and only a return to the runtime
    // renews the budget. This thread does not return, so the future runs without a budget.
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

/// A thread that waits to be woken. The future may park and unpark the same thread itself, so a flag distinguishes a
/// wake-up of the waker from any other.
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

/// The timer thread of this process, started on first use. A forked child inherits no threads, so it starts one of its
/// own.
fn timers() -> io::Result<Arc<Timers>> {
    static TIMERS: ArcSwapOption<Timers> = ArcSwapOption::const_empty();
    let found = TIMERS.load_full();
    if let Some(timers) = found.as_ref().filter(|timers| timers.is_here()) {
        return Ok(Arc::clone(timers));
    }
    let started = Arc::new(Timers::start()?);
    // If several threads race, the last one wins; the others drop their runtime when their call returns.
    TIMERS.store(Some(Arc::clone(&started)));
    Ok(started)
}

/// The timer thread of one process.
struct Timers {
    /// It knows of forks by a handler (`pthread_atfork`), and so without a system call.
    forks: Guard,
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Timers {
    fn start() -> io::Result<Self> {
        let forks = Guard::try_new().map_err(|error| io::Error::from_raw_os_error(error.code().get()))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("guardhouse-timers")
            .enable_time()
            .build()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start the thread for timers: {error}")))?;
        Ok(Self { forks, handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Whether this process started the thread. One that was forked did not.
    fn is_here(&self) -> bool {
        !self.forks.clone().detected_fork()
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        match self.runtime.take() {
            Some(runtime) if self.is_here() => runtime.shutdown_background(),
            // The thread lives in the parent process: a shutdown here would wait for it forever.
            elsewhere => std::mem::forget(elsewhere),
        }
    }
}
