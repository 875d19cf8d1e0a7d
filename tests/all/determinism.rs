//! A check is a function of plugin, settings, context and decision: its clock is the context's, and its random numbers
//! are the decision's.

use std::time::Instant;

use guardhouse::{AuthCheck, Cause, Check, DecisionId, EvaluationRequest, Outcome, blocking};
use tokio::runtime::Builder;

use crate::harness::{Guest, nobody, patient};

/// Asks a check within a decision that is given, as a replay does.
fn replay(check: &Check, decision: DecisionId) -> Outcome {
    let context = nobody();
    let inquiry = EvaluationRequest {
        context: &context,
        decision,
        name_missing_scopes: false,
        end: Instant::now() + patient().deadline,
    };
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(check.evaluate(inquiry)).outcome
}

fn random(count: u64) -> Guest {
    Guest::with("random", &[("count", &count.to_string())])
}

#[test]
fn the_clock_of_a_plugin_starts_at_the_now_of_the_context() {
    let guest = Guest::new("clock");
    for now in [0, 1, 1_700_000_000, i64::from(u32::MAX) + 1] {
        let mut context = nobody();
        context.now = now;
        assert_eq!(guest.outcome(&context), Outcome::Allow, "{now}");
    }
}

#[test]
fn the_clocks_of_a_far_future_still_move() {
    // 2^64 nanoseconds after 1970 is the year 2554, and this is the end of 9999.
    let mut context = nobody();
    context.now = 253_402_300_799;
    assert_eq!(Guest::new("clock").outcome(&context), Outcome::Allow);
}

#[test]
fn a_time_that_no_clock_can_show_harms_nobody() {
    let guest = Guest::new("clock");
    for now in [-1, i64::MIN, i64::MAX] {
        let mut context = nobody();
        context.now = now;
        let outcome = guest.outcome(&context);
        println!("{now}: {outcome:?}");
        assert!(matches!(outcome, Outcome::Allow | Outcome::Denied), "{outcome:?}");
    }
}

#[test]
fn a_replayed_decision_has_the_same_random_numbers_and_another_has_others() {
    let check = random(32).check();
    let (first, second) = (DecisionId::random(), DecisionId::random());
    let answer = replay(&check, first);
    assert!(matches!(&answer, Outcome::DeniedWithMessage(error) if error.message.len() == 32));
    assert_eq!(replay(&check, first), answer);
    assert_ne!(replay(&check, second), answer);
}

#[test]
fn two_checks_of_one_decision_have_different_random_numbers() {
    let named = |name: &str| {
        let mut guest = random(32);
        guest.config.id = Some(name.to_owned());
        guest.check()
    };
    let decision = DecisionId::random();
    assert_ne!(replay(&named("a"), decision), replay(&named("b"), decision));
}

#[test]
fn too_many_random_numbers_at_once_are_a_fault() {
    for count in [(64 << 10) + 1, u64::from(u32::MAX), u64::MAX >> 1] {
        random(count).is_masked(Cause::Trap);
    }
}

#[test]
fn the_same_request_gets_the_same_answer_a_hundred_times() {
    for name in ["counter", "dirty", "clock", "environment", "token"] {
        let check = Guest::new(name).check();
        let answer = |_| blocking::explain_auth_checks(&[&check], &nobody()).checks[0].outcome.clone();
        let first = answer(0);
        assert!((1..100).map(answer).all(|outcome| outcome == first), "{name}");
    }
}
