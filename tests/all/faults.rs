//! Failed checks: rule S4, and the faults of native checks.

use std::collections::HashSet;
use std::panic::panic_any;

use guardhouse::{
    AuthCheck, AuthChecks, Cause, Decision, Evaluation, EvaluationFuture, EvaluationRequest, Outcome, Report, native,
    run_auth_checks_blocking,
};
use guardhouse_tests::events::{self, Event};

use crate::harness::{Guest, failed, nobody, somebody};

fn explain<C: AuthCheck>(checks: &[C]) -> (Report, Vec<Event>) {
    events::capture(|| AuthChecks::new(checks).explain_blocking(&nobody()))
}

/// A check whose future runs `F`.
struct Async<F>(F);

impl<F: Fn() -> Outcome + Send + Sync> AuthCheck for Async<F> {
    fn id(&self) -> &str {
        "async"
    }

    fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Evaluation::from((self.0)())
        })
    }
}

#[test]
fn s4_the_caller_cannot_distinguish_a_failed_check_from_a_denial_without_a_message() {
    let silent = run_auth_checks_blocking(&[Guest::new("deny").check()], &nobody());
    let Decision::Deny(silent) = silent else { panic!("allowed") };
    for guest in [
        Guest::new("unreachable"),
        Guest::new("memory-trap"),
        Guest::new("exit"),
        Guest::with("answer", &[("answer", r#""\09""#)]),
        Guest::with("long-message", &[("length", "65537")]),
        Guest::new("loop").limits(|limits| limits.fuel = Some(1_000)),
        Guest::new("token").limits(|limits| limits.context_bytes = 0),
    ] {
        let Decision::Deny(denial) = run_auth_checks_blocking(&[guest.check()], &nobody()) else { panic!("allowed") };
        assert_ne!(denial.id, silent.id);
        let mut same = denial.clone();
        same.id = silent.id;
        assert_eq!(same, silent);
        assert_eq!(serde_json::to_string(&same).unwrap(), serde_json::to_string(&silent).unwrap());
        assert_eq!(Decision::Deny(denial).into_result(), Ok(false));
    }
}

#[test]
fn s4_decision_ids_are_unique_and_have_32_hexadecimal_digits() {
    let check = Guest::new("deny").check();
    let ids: HashSet<String> = (0..1_000)
        .map(|_| match run_auth_checks_blocking(&[&check], &nobody()) {
            Decision::Deny(denial) => denial.id.to_string(),
            Decision::Allow => panic!("allowed"),
        })
        .collect();
    assert_eq!(ids.len(), 1_000);
    assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())));
}

#[test]
fn s4_outcomes_other_than_a_failure_log_no_warning() {
    for guest in [Guest::new("deny"), Guest::with("long-message", &[("length", "3")]), Guest::new("allow")] {
        let (_, events) = explain(&[guest.check()]);
        assert!(events::faults(&events).is_empty());
        assert_eq!(events.len(), 1, "{events:?}");
    }
}

#[test]
fn s4_a_panic_of_a_native_check_is_a_fault_with_the_message_for_the_operator() {
    let panics: [Box<dyn AuthCheck>; 6] = [
        Box::new(native::from_fn("text", |_| -> bool { panic!("a secret") })),
        Box::new(native::from_fn("formatted", |_| -> bool { panic!("a {}", "secret") })),
        Box::new(native::from_fn("other", |_| -> bool { panic_any(7) })),
        Box::new(Async(|| panic!("a secret"))),
        Box::new(Async(|| panic_any(String::from("a secret")))),
        Box::new(native::from_fn("arithmetic", |context| {
            context.component.tags.len() / context.component.tags.len() > 0
        })),
    ];
    for check in panics {
        let (report, events) = explain(&[check]);
        let fault = failed(&report, &events);
        assert_eq!(fault.cause, Cause::Native);
        assert!(fault.detail.starts_with("panicked: "), "{fault}");
    }
}

#[test]
fn s4_a_panic_in_any_method_of_a_native_check_denies() {
    struct PanicsIn(&'static str);
    impl AuthCheck for PanicsIn {
        fn id(&self) -> &str {
            assert_ne!(self.0, "id");
            "panics"
        }
        fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            assert_ne!(self.0, "evaluate");
            Box::pin(std::future::ready(Outcome::Denied.into()))
        }
        fn names_missing_scopes(&self) -> bool {
            assert_ne!(self.0, "names_missing_scopes");
            true
        }
        fn identity(&self) -> guardhouse::Identity {
            assert_ne!(self.0, "identity");
            guardhouse::Identity::default()
        }
    }
    for place in ["evaluate", "id", "names_missing_scopes", "identity"] {
        let check = [PanicsIn(place)];
        let asked = std::panic::catch_unwind(|| {
            AuthChecks::new(&check).name_missing_scopes().explain_blocking(&somebody(&[])).decision
        });
        let decision = asked.unwrap_or_else(|_| panic!("a panic in `{place}` reached the caller"));
        assert!(!decision.is_allow());
    }
}

#[test]
fn s4_a_panic_at_the_beginning_or_the_end_of_a_batch_does_not_reach_the_caller() {
    struct Batch {
        panics_at_end: bool,
    }
    struct Panics;
    impl AuthCheck for Batch {
        fn id(&self) -> &str {
            "batch"
        }
        fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            Box::pin(std::future::ready(Outcome::Denied.into()))
        }
        fn session(&self) -> Box<dyn guardhouse::Session + '_> {
            assert!(self.panics_at_end, "begun");
            Box::new(Panics)
        }
    }
    impl guardhouse::Session for Panics {
        fn evaluate<'a>(&'a mut self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            Box::pin(std::future::ready(Outcome::Allow.into()))
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    for panics_at_end in [false, true] {
        let checks = [Batch { panics_at_end }];
        let (decisions, events) =
            events::capture(|| AuthChecks::new(&checks).run_batch_blocking(&[nobody(), nobody()]));
        // The answers of a session were given before it ended.
        assert!(decisions.iter().all(|decision| decision.is_allow() == panics_at_end), "{decisions:?}");
        assert!(events.iter().any(|event| event.level == tracing::Level::WARN), "{events:?}");
    }
}

#[test]
fn s4_a_panic_while_an_answer_is_dropped_denies() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    struct Drops;
    impl AuthCheck for Drops {
        fn id(&self) -> &str {
            "drops"
        }
        fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            struct Answers(PanicsOnDrop);
            impl Future for Answers {
                type Output = Evaluation;
                fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Evaluation> {
                    std::task::Poll::Ready(Outcome::Allow.into())
                }
            }
            Box::pin(Answers(PanicsOnDrop))
        }
    }
    let asked = std::panic::catch_unwind(|| run_auth_checks_blocking(&[Drops], &nobody()));
    let decision = asked.expect("the panic reached the caller");
    assert!(!decision.is_allow());
}

#[test]
fn s4_a_list_of_checks_can_be_used_again_after_a_panic() {
    let check = native::from_fn("sometimes", |context| {
        assert!(context.token.is_some());
        true
    });
    assert!(!run_auth_checks_blocking(&[&check], &nobody()).is_allow());
    assert!(run_auth_checks_blocking(&[&check], &somebody(&[])).is_allow());
}

#[test]
fn s4_a_fault_logs_one_warning() {
    let checks = [Guest::new("allow").check(), Guest::new("unreachable").check(), Guest::new("exit").check()];
    let (report, events) = explain(&checks);
    failed(&report, &events);
    assert_eq!(report.decided_by, Some(1));
}
