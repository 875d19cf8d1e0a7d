//! Decisions are the same with and without a runtime, blocking and async (rules S1 to S5).

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Cause, Check, Decision, EvaluationFuture, EvaluationRequest, HostLimits,
    Outcome, native, run_auth_checks, run_auth_checks_blocking,
};
use tokio::runtime::{Builder, Runtime};

use crate::admission::is_pending;
use crate::harness::{Guest, cause, neighbor_is_unharmed, nobody, reproducible, small, somebody};

const HASTE: Duration = Duration::from_millis(50);

fn single_threaded() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn multi_threaded() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Lists of checks with all kinds of outcomes.
fn lists_of_checks() -> Vec<Vec<Check>> {
    let guest = |name: &str| Guest::new(name).check();
    let wait = Guest::with("wait", &[("nanoseconds", "1000000")]).check();
    let message = Guest::with("long-message", &[("length", "10")]).check();
    let endless = Guest::new("loop").deadline(HASTE).check();
    vec![
        vec![],
        vec![guest("allow"), wait.clone(), guest("token")],
        vec![guest("allow"), guest("deny"), guest("unreachable")],
        vec![wait.clone(), message],
        vec![guest("unreachable")],
        vec![guest("memory-trap")],
        vec![guest("allow"), endless],
    ]
}

fn blocking(checks: &[Check], context: &AuthContext) -> String {
    reproducible(&AuthChecks::new(checks).explain_blocking(context))
}

#[test]
fn blocking_and_async_decide_the_same_in_every_runtime() {
    let (single, multi) = (single_threaded(), multi_threaded());
    for checks in lists_of_checks() {
        for context in [nobody(), somebody(&["read"])] {
            let expected = blocking(&checks, &context);
            let found = single.block_on(async { blocking(&checks, &context) });
            assert_eq!(found, expected, "blocking, in a single-threaded runtime");
            let found = multi.block_on(async { blocking(&checks, &context) });
            assert_eq!(found, expected, "blocking, in a multi-threaded runtime");
            let (spawned, request) = (checks.clone(), context.clone());
            let task = multi.spawn(async move { blocking(&spawned, &request) });
            assert_eq!(multi.block_on(task).unwrap(), expected, "blocking, on a worker thread");
            let found = single.block_on(async { reproducible(&AuthChecks::new(&checks).explain(&context).await) });
            assert_eq!(found, expected, "async, single-threaded");
            let (spawned, request) = (checks.clone(), context.clone());
            let task = multi.spawn(async move { reproducible(&AuthChecks::new(&spawned).explain(&request).await) });
            assert_eq!(multi.block_on(task).unwrap(), expected, "async, spawned on a worker thread");
        }
    }
}

/// Uses up the budget that tokio gives to a task before it must let others run.
async fn spend_the_budget() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    while tokio::task::coop::has_budget_remaining() {
        sender.send(()).unwrap();
        receiver.recv().await.unwrap();
    }
}

/// Runs `work` on a thread, and fails if it hangs.
fn ends<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|error| panic!("the work hangs: {error}"))
}

#[test]
fn waiting_for_admission_ends_in_a_task_that_has_used_up_its_budget() {
    let busy = Guest::new("loop").on_own_host(HostLimits { instances: 1, ..small() });
    let waits = Guest::new("allow").on_host(busy.host()).deadline(HASTE).check();
    let busy = busy.check();
    let report = ends(|| {
        single_threaded().block_on(async move {
            let (checks, context) = ([busy], nobody());
            let mut busy = pin!(run_auth_checks(&checks, &context));
            assert!(is_pending(busy.as_mut()).await);
            spend_the_budget().await;
            AuthChecks::new(&[waits]).explain_blocking(&nobody())
        })
    });
    assert_eq!(cause(&report), Some(Cause::NoCapacity));
}

#[test]
fn the_async_form_fails_closed_without_a_runtime() {
    // Only waiting needs a runtime. Without one it is a fault, and not a panic of the caller.
    let checks = [Guest::with("wait", &[("nanoseconds", "1000000")]).check()];
    let context = nobody();
    let mut future = pin!(AuthChecks::new(&checks).explain(&context));
    let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!("pending") };
    let Outcome::Failed(fault) = &report.checks[0].evaluation.outcome else { panic!("{report:?}") };
    println!("no runtime: {fault}");
    assert!(!report.decision.is_allow());
}

#[test]
fn a_future_that_is_dropped_before_its_decision_returns_its_permit() {
    let guest = Guest::new("loop").on_own_host(HostLimits { instances: 1, queue: 0, ..small() });
    let checks = [guest.check()];
    let context = nobody();
    let runtime = single_threaded();
    for _ in 0..20 {
        runtime.block_on(async {
            let mut future = pin!(run_auth_checks(&checks, &context));
            assert!(is_pending(future.as_mut()).await);
        });
    }
    neighbor_is_unharmed(guest.host());
}

#[test]
fn a_busy_check_lets_other_tasks_of_its_thread_run() {
    let endless = Guest::new("loop").deadline(Duration::from_secs(1)).check();
    let turns = single_threaded().block_on(async {
        let mut turns = 0;
        let (checks, context) = ([endless], nobody());
        let mut decision = pin!(run_auth_checks(&checks, &context));
        loop {
            tokio::select! {
                biased;
                decision = &mut decision => break (!decision.is_allow()).then_some(turns),
                () = tokio::task::yield_now() => turns += 1,
            }
        }
    });
    assert!(turns.unwrap() >= 10, "{turns:?}");
}

#[test]
fn futures_of_decisions_can_be_sent_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let checks: Vec<Box<dyn AuthCheck>> = vec![Box::new(native::require_auth()), Box::new(Guest::new("token").check())];
    let context = somebody(&[]);
    let future = run_auth_checks(&checks, &context);
    is_send(&future);
    assert_eq!(multi_threaded().block_on(future), Decision::Allow);
}

/// Is woken, blocks on another decision, and only then says that it is not ready.
struct BlocksInside {
    inner: Check,
    is_asked: AtomicBool,
}

impl AuthCheck for BlocksInside {
    fn id(&self) -> &str {
        "blocks inside"
    }

    fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(std::future::poll_fn(|context| {
            if self.is_asked.swap(true, Ordering::Relaxed) {
                return Poll::Ready(Outcome::Allow.into());
            }
            context.waker().wake_by_ref();
            assert!(!run_auth_checks_blocking(&[&self.inner], &nobody()).is_allow());
            Poll::Pending
        }))
    }
}

#[test]
fn a_wake_is_not_lost_when_the_thread_is_parked_for_another_reason() {
    let check = BlocksInside { inner: Guest::new("loop").deadline(HASTE).check(), is_asked: AtomicBool::new(false) };
    let decision = ends(move || run_auth_checks_blocking(&[check], &nobody()));
    assert_eq!(decision, Decision::Allow);
}
