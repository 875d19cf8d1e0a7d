//! Breakers: a check that keeps failing is denied without being evaluated, and comes back by itself.

use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Breaker, Cause, Check, CheckConfig, ConfigError, Evaluation, EvaluationRequest,
    Host, Outcome, TenantBudget, compose, run_auth_checks_blocking,
};
use guardhouse_tests::events;
use tokio::runtime::Builder;

use crate::admission::is_pending;
use crate::harness::{Guest, at, eventually, host_with, neighbor_is_unharmed, nobody, patient, small};

/// A check of a fixture, with a breaker that opens after three faults.
fn check(host: &Host, name: &str, first_pause: Duration) -> Check {
    let plugin = Guest::new(name).on_host(host).load().unwrap();
    let breaker = Breaker { faults: NonZeroU32::new(3).unwrap(), first_pause, ..Breaker::default() };
    let tenant = Some(host.tenant("acme"));
    Check::new(&plugin, CheckConfig { tenant, breaker: Some(breaker), limits: patient(), ..CheckConfig::default() })
        .unwrap()
}

/// A pause that does not end during a test.
const LONG: Duration = Duration::from_secs(60);

fn evaluation(check: &dyn AuthCheck, context: &AuthContext) -> Evaluation {
    AuthChecks::new(&[check]).explain_blocking(context).checks.remove(0).evaluation
}

fn cause(check: &dyn AuthCheck, context: &AuthContext) -> Option<Cause> {
    evaluation(check, context).outcome.fault().map(|fault| fault.cause)
}

#[test]
fn an_open_breaker_denies_without_an_instance_or_the_budget() {
    let host = host_with(small());
    let check = check(&host, "unreachable", LONG);
    let budget = TenantBudget { evaluations_per_second: NonZeroU32::new(1_000), ..TenantBudget::default() };
    host.tenant("acme").set_budget(budget).unwrap();
    assert!((0..3).all(|_| cause(&check, &nobody()) == Some(Cause::Trap)));
    let before = host.tenant("acme").usage();
    for _ in 0..2_000 {
        assert_eq!(cause(&check, &nobody()), Some(Cause::BreakerOpen));
    }
    assert_eq!(host.tenant("acme").usage(), before, "no evaluation, no processor time, no denial for the budget");
    let state = check.breaker_state().unwrap();
    assert_eq!((state.is_open, state.opened, state.denied), (true, 1, 2_000));
    // The caller sees a masked denial, and a negation denies too.
    assert_eq!(run_auth_checks_blocking(&[&check], &nobody()).into_result(), Ok(false));
    assert!(!run_auth_checks_blocking(&[compose::negate(check)], &nobody()).is_allow());
    neighbor_is_unharmed(&host);
}

#[test]
fn a_check_that_works_again_closes_its_breaker_by_itself() {
    let host = host_with(small());
    let check = check(&host, "clock-driven", Duration::from_millis(1));
    // The clock of the request decides: 1 traps, and 0 allows.
    assert!((0..3).all(|_| cause(&check, &at(1)) == Some(Cause::Trap)));
    eventually("a probe is answered", || evaluation(&check, &at(0)).outcome == Outcome::Allow);
    let state = check.breaker_state().unwrap();
    assert_eq!((state.is_open, state.opened), (false, 1));
    assert!((0..10).all(|_| evaluation(&check, &at(0)).outcome == Outcome::Allow));
}

#[test]
fn a_caller_that_hangs_up_during_a_probe_does_not_hold_the_breaker_open() {
    let host = host_with(small());
    let check = check(&host, "clock-driven", Duration::from_millis(1));
    assert!((0..3).all(|_| cause(&check, &at(1)) == Some(Cause::Trap)));
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let endless = at(2);
    runtime.block_on(async {
        // A request that is denied is ready at once; the probe waits, and is dropped.
        while !is_pending(pin!(check.evaluate(EvaluationRequest::new(&endless)))).await {}
    });
    assert_eq!(evaluation(&check, &at(0)).outcome, Outcome::Allow, "the next request is the probe");
    assert!(!check.breaker_state().unwrap().is_open);
}

#[test]
fn faults_for_lack_of_budget_or_by_the_request_do_not_open_it() {
    let host = host_with(small());
    let check = check(&host, "allow", LONG);
    let budget = TenantBudget { cpu_time_per_second: Some(Duration::ZERO), ..TenantBudget::default() };
    host.tenant("acme").set_budget(budget).unwrap();
    assert!((0..10).all(|_| cause(&check, &nobody()) == Some(Cause::OverBudget)));
    assert!(host.forget_tenant("acme"));
    let large = nobody().with_action("a".repeat(2 << 20));
    assert!((0..10).all(|_| cause(&check, &large) == Some(Cause::ContextLimit)));
    assert_eq!(check.breaker_state().unwrap().faults, 0);
    assert_eq!(evaluation(&check, &nobody()).outcome, Outcome::Allow);
}

#[test]
fn each_context_of_a_batch_counts() {
    let host = host_with(small());
    let check = check(&host, "unreachable", LONG);
    let reports =
        AuthChecks::new(&[&check]).explain_batch_blocking(&[nobody(), nobody(), nobody(), nobody(), nobody()]);
    let causes: Vec<Cause> =
        reports.iter().map(|report| report.checks[0].evaluation.outcome.fault().unwrap().cause).collect();
    assert_eq!(causes, [Cause::Trap, Cause::Trap, Cause::Trap, Cause::BreakerOpen, Cause::BreakerOpen]);
}

#[test]
fn the_operator_gets_an_event_when_it_opens_and_when_it_closes() {
    let host = host_with(small());
    let check = check(&host, "clock-driven", Duration::from_millis(1));
    let ((), events) = events::capture(|| {
        assert!((0..3).all(|_| cause(&check, &at(1)) == Some(Cause::Trap)));
        eventually("a probe is answered", || evaluation(&check, &at(0)).outcome == Outcome::Allow);
    });
    let texts = events.iter().map(|event| event.field("message"));
    let texts: Vec<&str> = texts.filter(|text| text.contains("breaker")).collect();
    assert_eq!(texts, ["a check keeps failing, and its breaker opened", "the breaker of a check closed"]);
}

#[test]
fn a_check_without_a_breaker_is_always_evaluated() {
    let host = host_with(small());
    let check = Guest::new("unreachable").on_host(&host).check();
    assert!((0..100).all(|_| cause(&check, &nobody()) == Some(Cause::Trap)));
    assert_eq!(check.breaker_state(), None);
}

#[test]
fn an_invalid_pause_is_an_error_that_names_it() {
    let host = host_with(small());
    let plugin = Guest::new("allow").on_host(&host).load().unwrap();
    let second = Duration::from_secs(1);
    for (first_pause, longest_pause, expected) in [
        (Duration::ZERO, second, "`Breaker::first_pause` is 0ns, but must be from 1 ms to 1 hour"),
        (second, second / 2, "`Breaker::longest_pause` is 500ms, but must be from the first pause to 1 hour"),
        (second, second * 3_601, "`Breaker::longest_pause` is 3601s, but must be from the first pause to 1 hour"),
    ] {
        let breaker = Some(Breaker { first_pause, longest_pause, ..Breaker::default() });
        let error = Check::new(&plugin, CheckConfig { breaker, ..CheckConfig::default() }).unwrap_err();
        assert!(matches!(&error, ConfigError::Breaker(text) if text == expected), "{error}");
    }
    let breaker: Breaker = serde_json::from_str(r#"{"faults": 7, "first_pause": "2s"}"#).unwrap();
    assert_eq!((breaker.faults.get(), breaker.first_pause, breaker.longest_pause), (7, second * 2, second * 60));
    assert!(serde_json::from_str::<Breaker>(r#"{"faults": 0}"#).is_err());
}
