//! The same decisions wherever they are asked for: with and without a runtime, blocking and async (rules S1 to S5).

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use guardhouse::{
    AuthCheck, Cause, Check, Decision, EvaluationFuture, EvaluationRequest, HostLimits, Limits, Outcome, Report,
    blocking, explain_auth_checks, native, run_auth_checks,
};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{Guest, host_with, neighbour_is_unharmed, nobody, small, somebody};

fn single_threaded() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn multi_threaded() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

fn hasty(limits: &mut Limits) {
    limits.deadline = Duration::from_millis(50);
}

fn a_bit_of_everything() -> Vec<Vec<Check>> {
    let guest = |name: &str| Guest::new(name).check();
    let wait = Guest::with("wait", &[("nanoseconds", "1000000")]).check();
    let message = Guest::with("long-message", &[("length", "10")]).check();
    let endless = Guest::new("loop").limits(hasty).check();
    vec![
        vec![],
        vec![guest("allow"), wait.clone(), guest("token")],
        vec![guest("allow"), guest("refuse"), guest("unreachable")],
        vec![wait.clone(), message],
        vec![guest("unreachable")],
        vec![guest("memory-trap")],
        vec![guest("allow"), endless],
    ]
}

/// What of a report does not change from run to run.
fn gist(report: &Report) -> String {
    let outcomes: Vec<String> = report
        .checks
        .iter()
        .map(|check| match &check.outcome {
            Outcome::Failed(fault) => fault.cause.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    format!("{:?} {:?} {outcomes:?}", report.decision.clone().into_result(), report.decided_by)
}

#[test]
fn blocking_and_async_decide_the_same_everywhere() {
    let (single, multi) = (single_threaded(), multi_threaded());
    for checks in a_bit_of_everything() {
        for context in [nobody(), somebody(&["read"])] {
            let ask = || gist(&explain_blocking(&checks, &context));
            let expected = ask();
            assert_eq!(single.block_on(async { ask() }), expected, "blocking, inside a single-threaded runtime");
            assert_eq!(multi.block_on(async { ask() }), expected, "blocking, inside a multi-threaded runtime");
            let (spawned, about) = (checks.clone(), context.clone());
            let task = multi.spawn(async move { gist(&explain_blocking(&spawned, &about)) });
            assert_eq!(multi.block_on(task).unwrap(), expected, "blocking, on a worker thread");
            let asynchronous = async { gist(&explain_auth_checks(&checks, &context).await) };
            assert_eq!(single.block_on(asynchronous), expected, "async, single-threaded");
            let (spawned, about) = (checks.clone(), context.clone());
            let task = multi.spawn(async move { gist(&explain_auth_checks(&spawned, &about).await) });
            assert_eq!(multi.block_on(task).unwrap(), expected, "async, spawned on a worker thread");
        }
    }
}

fn explain_blocking(checks: &[Check], context: &guardhouse::AuthContext) -> Report {
    blocking::explain_auth_checks(checks, context)
}

/// Uses up what tokio lets one task do before it must let others run.
async fn spend_the_budget() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    while tokio::task::coop::has_budget_remaining() {
        sender.send(()).unwrap();
        receiver.recv().await.unwrap();
    }
}

/// Runs `work` on a thread and waits for it for long; none if it hangs.
fn ends<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(10)).ok()
}

#[test]
fn blocking_inside_a_task_that_has_used_up_its_budget_still_gives_up_waiting_for_room() {
    let busy = Guest::new("loop").on(HostLimits { instances: 1, ..small() });
    let mut waits = Guest::new("allow").limits(hasty);
    waits.host = busy.host.clone();
    let (busy, waits) = (busy.check(), waits.check());
    let report = ends(|| {
        single_threaded().block_on(async move {
            let (checks, context) = ([busy], nobody());
            let mut occupies = pin!(run_auth_checks(&checks, &context));
            let is_done = std::future::poll_fn(|cx| Poll::Ready(occupies.as_mut().poll(cx).is_ready())).await;
            assert!(!is_done);
            spend_the_budget().await;
            blocking::explain_auth_checks(&[waits], &nobody())
        })
    });
    let report = report.expect("it hangs");
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    assert_eq!(fault.cause, Cause::NoCapacity);
}

#[test]
fn outside_any_runtime_the_async_form_still_fails_closed() {
    // Only what has to wait needs a runtime; without one, waiting is a fault and not a panic of the caller.
    let asleep = Guest::with("wait", &[("nanoseconds", "1000000")]).check();
    let context = nobody();
    let checks = [asleep];
    let mut future = pin!(explain_auth_checks(&checks, &context));
    let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!("pending") };
    let Outcome::Failed(fault) = &report.checks[0].outcome else { panic!("{report:?}") };
    println!("no runtime: {fault}");
    assert!(!report.decision.is_allow());
}

#[test]
fn a_decision_that_is_dropped_half_way_frees_its_place() {
    let host = host_with(HostLimits { instances: 1, queue: 0, ..small() });
    let mut guest = Guest::new("loop");
    guest.host = host.clone();
    let checks = [guest.check()];
    let context = nobody();
    let runtime = single_threaded();
    for _ in 0..20 {
        runtime.block_on(async {
            let mut future = pin!(run_auth_checks(&checks, &context));
            let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
            assert!(!polled);
        });
    }
    neighbour_is_unharmed(&host);
}

#[test]
fn a_check_that_computes_lets_other_tasks_of_its_thread_run() {
    let endless = Guest::new("loop").limits(|limits| limits.deadline = Duration::from_secs(1)).check();
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
            assert!(!blocking::run_auth_checks(&[&self.inner], &nobody()).is_allow());
            Poll::Pending
        }))
    }
}

#[test]
fn a_wake_is_not_lost_to_whatever_else_parks_the_thread() {
    let check = BlocksInside { inner: Guest::new("loop").limits(hasty).check(), is_asked: AtomicBool::new(false) };
    let decision = ends(move || blocking::run_auth_checks(&[check], &nobody()));
    assert_eq!(decision.expect("it hangs"), Decision::Allow);
}
