//! One deadline for a decision, whatever it waits for; and processor time, which is not the same.

use std::future::pending;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthCheck, AuthChecks, Cause, Check, EvaluationFuture, EvaluationRequest, Outcome, Report, blocking, native,
};

use crate::harness::{Guest, nobody, patient};

const HASTE: Duration = Duration::from_millis(50);

fn last_fault(report: &Report) -> Cause {
    assert!(!report.decision.is_allow());
    match &report.checks.last().unwrap().outcome {
        Outcome::Failed(fault) => fault.cause,
        other => panic!("not masked: {other:?}"),
    }
}

/// A check that waits for something that never comes.
struct Waits;

impl AuthCheck for Waits {
    fn id(&self) -> &str {
        "waits"
    }

    fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(pending())
    }
}

#[test]
fn the_deadline_of_a_decision_is_shorter_than_that_of_its_plugins() {
    let checks = [Guest::new("allow").check(), Guest::new("loop").check()];
    assert!(checks[1].limits().deadline > 10 * HASTE);
    let report = blocking::explain(&AuthChecks::new(&checks).deadline(HASTE), &nobody());
    assert_eq!((last_fault(&report), report.decided_by), (Cause::Deadline, Some(1)));
    assert!(report.checks[1].usage.fuel > 0, "what it took is known all the same");
}

#[test]
fn a_check_of_your_own_that_waits_for_ever_ends_at_the_deadline() {
    let report = blocking::explain(&AuthChecks::new(&[Waits]).deadline(HASTE), &nobody());
    assert_eq!(last_fault(&report), Cause::Deadline);
    let reports = blocking::explain_batch(&AuthChecks::new(&[Waits]).deadline(HASTE), &[nobody(), nobody()]);
    assert!(reports.iter().all(|report| last_fault(report) == Cause::Deadline));
}

#[test]
fn what_is_asked_after_the_deadline_is_denied() {
    // A native check that holds its thread longer than the whole decision may take: nobody can stop it, but what comes
    // after it is too late.
    let slow = native::from_fn("slow", |_| {
        let end = Instant::now() + 2 * HASTE;
        while Instant::now() < end {
            std::thread::yield_now();
        }
        true
    });
    let allow = Guest::new("allow").check();
    let checks: [&dyn AuthCheck; 2] = [&slow, &allow];
    let report = blocking::explain(&AuthChecks::new(&checks).deadline(HASTE), &nobody());
    assert_eq!((last_fault(&report), report.decided_by), (Cause::Deadline, Some(1)));
    let report = blocking::explain(&AuthChecks::new(&checks).deadline(Duration::ZERO), &nobody());
    assert_eq!((last_fault(&report), report.decided_by), (Cause::Deadline, Some(0)));
}

#[test]
fn a_decision_without_checks_has_no_deadline_to_miss() {
    let none: [Check; 0] = [];
    assert!(blocking::explain(&AuthChecks::new(&none).deadline(Duration::ZERO), &nobody()).decision.is_allow());
}

#[test]
fn the_longest_deadline_can_be_expressed() {
    let checks = [Guest::new("allow").check()];
    assert!(blocking::explain(&AuthChecks::new(&checks).deadline(Duration::MAX), &nobody()).decision.is_allow());
}

#[test]
fn processor_time_is_bounded_apart_from_the_deadline() {
    let guest = Guest::new("loop").limits(|limits| limits.cpu_time = Some(HASTE));
    let fault = guest.is_masked(Cause::CpuTimeLimit);
    assert!(fault.detail.contains("over the cap of 50ms"), "{fault}");
    assert_eq!(Guest::new("allow").limits(|limits| limits.cpu_time = Some(HASTE)).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn processor_time_is_measured() {
    let check = Guest::new("loop").limits(|limits| limits.deadline = HASTE).check();
    let usage = blocking::explain_auth_checks(&[check], &nobody()).checks[0].usage;
    assert!(usage.cpu_time > Duration::ZERO && usage.cpu_time <= usage.elapsed, "{usage:?}");
    let check = Guest::new("allow").check();
    let usage = blocking::explain_auth_checks(&[check], &nobody()).checks[0].usage;
    assert!(usage.cpu_time > Duration::ZERO && usage.cpu_time <= usage.elapsed, "{usage:?}");
}

#[test]
fn waiting_for_room_costs_no_processor_time() {
    // One place. Whoever comes second waits until the first has used up its deadline.
    let patience = patient().deadline;
    let host = Guest::new("loop").on(guardhouse::HostLimits { instances: 1, ..crate::harness::small() }).host;
    let check = |name: &str, deadline, cpu| {
        let mut guest = Guest::new(name).limits(|limits| (limits.deadline, limits.cpu_time) = (deadline, cpu));
        guest.host = host.clone();
        guest.check()
    };
    let busy = check("loop", 4 * HASTE, None);
    let waits = check("allow", patience, Some(HASTE));
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(!blocking::run_auth_checks(&[&busy], &nobody()).is_allow()));
        for _ in 0..20 {
            let report = blocking::explain(&AuthChecks::new(&[&waits]).deadline(patience), &nobody());
            assert!(report.decision.is_allow(), "{report:?}");
        }
    });
}
