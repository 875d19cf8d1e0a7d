//! A check is a function of plugin, settings, context and decision: its clock shows the time of the context, and its
//! random numbers depend on the decision.

use std::time::Instant;

use guardhouse::{AuthCheck, AuthChecks, Cause, Check, DecisionId, EvaluationRequest, Outcome};
use tokio::runtime::Builder;

use crate::harness::{Guest, at, nobody, patient};

/// Evaluates a check for a given decision, as a replay does.
fn replay(check: &Check, decision: DecisionId) -> Outcome {
    let context = nobody();
    let end = Instant::now() + patient().deadline;
    let request = EvaluationRequest::new(&context).with_decision(decision).until(end);
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(check.evaluate(request)).outcome
}

fn random(count: u64) -> Guest {
    Guest::with("random", &[("count", &count.to_string())])
}

#[test]
fn the_clock_of_a_plugin_starts_at_the_time_of_the_context() {
    let guest = Guest::new("clock");
    for now in [0, 1, 1_700_000_000, i64::from(u32::MAX) + 1] {
        assert_eq!(guest.outcome(&at(now)), Outcome::Allow, "{now}");
    }
}

#[test]
fn clocks_advance_in_the_far_future() {
    // 2^64 nanoseconds after 1970 is in the year 2554. This is the end of 9999.
    assert_eq!(Guest::new("clock").outcome(&at(253_402_300_799)), Outcome::Allow);
}

#[test]
fn a_time_that_no_clock_can_show_does_no_harm() {
    let guest = Guest::new("clock");
    for now in [-1, i64::MIN, i64::MAX] {
        let outcome = guest.outcome(&at(now));
        println!("{now}: {outcome:?}");
        assert!(matches!(outcome, Outcome::Allow | Outcome::Denied), "{outcome:?}");
    }
}

#[test]
fn a_replayed_decision_has_the_same_random_numbers_and_another_decision_does_not() {
    let check = random(32).check();
    let (first, second) = (DecisionId::random(), DecisionId::random());
    let answer = replay(&check, first);
    assert!(matches!(&answer, Outcome::DeniedWithMessage(error) if error.message.len() == 32));
    assert_eq!(replay(&check, first), answer);
    assert_ne!(replay(&check, second), answer);
}

#[test]
fn two_checks_of_one_decision_have_different_random_numbers() {
    let [a, b] = ["a", "b"].map(|id| random(32).id(id).check());
    let decision = DecisionId::random();
    assert_ne!(replay(&a, decision), replay(&b, decision));
}

#[test]
fn too_many_random_numbers_at_once_are_a_fault() {
    for count in [(64 << 10) + 1, u64::from(u32::MAX), u64::MAX >> 1] {
        random(count).fails_with(Cause::Trap);
    }
}

#[test]
fn the_same_request_gets_the_same_answer_a_hundred_times() {
    for name in ["counter", "dirty", "clock", "environment", "token"] {
        let check = Guest::new(name).check();
        let answer = |_| AuthChecks::new(&[&check]).explain_blocking(&nobody()).checks[0].evaluation.outcome.clone();
        let first = answer(0);
        assert!((1..100).map(answer).all(|outcome| outcome == first), "{name}");
    }
}
