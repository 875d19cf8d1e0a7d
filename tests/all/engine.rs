//! The engine that runs a list of checks: rules S1, S2, S3, S5 and S6.

use std::sync::Mutex;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, AuthorizationError, Cause, Check, Decision, Fault, Outcome, Plugin, native,
    run_auth_checks_blocking,
};
use guardhouse_tests::guest::denies_with;

use crate::harness::{Guest, host, nobody, somebody};

/// A check that records its name when it is called.
fn recording<'a>(calls: &'a Mutex<Vec<String>>, name: &'static str, outcome: Outcome) -> Box<dyn AuthCheck + 'a> {
    Box::new(native::from_fn(name, move |_| {
        calls.lock().unwrap().push(name.to_owned());
        outcome.clone()
    }))
}

fn denial(message: &str) -> Outcome {
    Outcome::DeniedWithMessage(AuthorizationError::new(message))
}

#[test]
fn s1_checks_run_in_order_and_stop_at_the_first_that_does_not_allow() {
    let fault = Outcome::Failed(Fault::new(Cause::Native, "broken"));
    for stop in [Outcome::Denied, denial("no"), fault] {
        let calls = Mutex::default();
        let checks = [
            recording(&calls, "a", Outcome::Allow),
            recording(&calls, "b", Outcome::Allow),
            recording(&calls, "c", stop),
            recording(&calls, "d", Outcome::Allow),
            recording(&calls, "e", denial("never called")),
        ];
        let report = AuthChecks::new(&checks).explain_blocking(&nobody());
        assert_eq!(*calls.lock().unwrap(), ["a", "b", "c"]);
        assert_eq!(report.decided_by, Some(2));
        assert_eq!(report.checks.len(), 3);
        assert!(!report.decision.is_allow());
    }
}

#[test]
fn s1_plugins_and_native_checks_mix_in_one_list_and_keep_their_order() {
    let calls = Mutex::default();
    let checks: Vec<Box<dyn AuthCheck>> = vec![
        Box::new(Guest::new("allow").check()),
        Box::new(native::require_auth()),
        Box::new(Guest::new("token").check()),
        Box::new(Guest::new("deny").check()),
    ];
    let mut all: Vec<Box<dyn AuthCheck + '_>> = vec![recording(&calls, "first", Outcome::Allow)];
    all.extend(checks);
    all.push(recording(&calls, "last", Outcome::Allow));
    let report = AuthChecks::new(&all).explain_blocking(&somebody(&[]));
    assert_eq!((report.decided_by, report.checks.len()), (Some(4), 5));
    assert_eq!(*calls.lock().unwrap(), ["first"]);
    let report = AuthChecks::new(&all).explain_blocking(&nobody());
    assert_eq!((report.decided_by, report.checks.len()), (Some(2), 3));
}

#[test]
fn s1_a_later_check_is_not_even_started() {
    // The check panics when its future is made, before it is polled.
    struct Panics;
    impl AuthCheck for Panics {
        fn id(&self) -> &str {
            "panics"
        }
        fn evaluate<'a>(&'a self, _: guardhouse::EvaluationRequest<'a>) -> guardhouse::EvaluationFuture<'a> {
            panic!("started")
        }
    }
    let checks: [Box<dyn AuthCheck>; 2] = [Box::new(native::from_fn("no", |_| false)), Box::new(Panics)];
    let report = AuthChecks::new(&checks).explain_blocking(&nobody());
    assert_eq!(report.checks.len(), 1);
}

#[test]
fn s2_an_empty_list_allows_and_so_does_a_list_of_checks_that_all_allow() {
    let none: [Check; 0] = [];
    let report = AuthChecks::new(&none).explain_blocking(&nobody());
    assert_eq!((report.decision, report.decided_by, report.checks.len()), (Decision::Allow, None, 0));
    let check = Guest::new("allow").check();
    let report = AuthChecks::new(&vec![check; 100]).explain_blocking(&nobody());
    assert_eq!((report.decision, report.decided_by, report.checks.len()), (Decision::Allow, None, 100));
}

#[test]
fn s3_a_message_reaches_the_caller_byte_for_byte() {
    let long = "ä".repeat(10_000);
    for message in [
        "",
        " ",
        "\n",
        "  leading and trailing \t",
        "two\nlines\r\n",
        "nul \0 inside",
        "\0",
        "\u{1b}[31mred\u{1b}[0m",
        "{\"json\": \"<b>&amp;</b>\"}",
        "\u{202e}right to left\u{202c}",
        "e\u{301} is not \u{e9}",
        "\u{10ffff}\u{fffd}\u{feff}",
        &long,
    ] {
        let plugin = Plugin::load(host(), &denies_with(message.as_bytes()).unwrap()).unwrap();
        let wasm = Check::new(&plugin, guardhouse::CheckConfig::default()).unwrap();
        let closure = native::from_fn("closure", |_| Err::<bool, _>(AuthorizationError::new(message)));
        let checks: [Box<dyn AuthCheck>; 2] = [Box::new(wasm), Box::new(closure)];
        for check in &checks {
            let Decision::Deny(denial) = run_auth_checks_blocking(&[check], &nobody()) else { panic!("allowed") };
            assert_eq!(denial.message.as_deref(), Some(message));
            let json = serde_json::to_value(&denial).unwrap();
            assert_eq!(json["message"], message);
        }
    }
}

#[test]
fn s3_a_denial_without_a_message_differs_from_one_with_an_empty_message() {
    let silent = run_auth_checks_blocking(&[Guest::new("deny").check()], &nobody());
    assert_eq!(silent.clone().into_result(), Ok(false));
    let Decision::Deny(silent) = silent else { panic!("allowed") };
    assert_eq!(silent.message, None);
    let empty = Guest::with("long-message", &[("length", "0")]).check();
    let empty = run_auth_checks_blocking(&[empty], &nobody());
    assert_eq!(empty.into_result(), Err(AuthorizationError::new("")));
}

#[test]
fn s5_every_outcome_becomes_a_decision_and_only_a_denial_with_a_message_is_an_error_in_the_origins_form() {
    let cases: [(Guest, Result<bool, AuthorizationError>); 4] = [
        (Guest::new("allow"), Ok(true)),
        (Guest::new("deny"), Ok(false)),
        (Guest::new("unreachable"), Ok(false)),
        (Guest::with("long-message", &[("length", "2")]), Err(AuthorizationError::new("\0\0"))),
    ];
    for (guest, expected) in cases {
        let decision: Decision = run_auth_checks_blocking(&[guest.check()], &nobody());
        assert_eq!(decision.is_allow(), expected == Ok(true));
        assert_eq!(decision.into_result(), expected);
    }
}

#[test]
fn s6_every_check_of_a_decision_sees_the_same_context() {
    let seen: Mutex<Vec<AuthContext>> = Mutex::default();
    let look = |name| {
        native::from_fn(name, |context: &AuthContext| {
            seen.lock().unwrap().push(context.clone());
            true
        })
    };
    // A plugin between them overwrites its copy of the context.
    let overwrites = Guest::new("dirty").check();
    let checks: [Box<dyn AuthCheck + '_>; 3] =
        [Box::new(look("before")), Box::new(overwrites), Box::new(look("after"))];
    let mut context = nobody();
    context.attributes = serde_json::json!({ "peer": "::1" }).into();
    context.component.tags = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(run_auth_checks_blocking(&checks, &context), Decision::Allow);
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, [context.clone(), context]);
}
