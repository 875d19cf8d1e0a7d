//! The deadline of a decision, which covers everything that it waits for, and the cap on processor time.

use std::future::pending;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthCheck, AuthChecks, Cause, Check, EvaluationFuture, EvaluationRequest, HostLimits, MAX_DEADLINE, Outcome,
    Report, native, run_auth_checks_blocking,
};

use crate::harness::{Guest, cause, host_with, nobody, patient, small};

const HASTE: Duration = Duration::from_millis(50);

/// Asserts that a decision denies because its last check has missed the deadline.
fn missed_the_deadline(report: &Report) {
    assert!(!report.decision.is_allow());
    assert_eq!(cause(report), Some(Cause::Deadline), "{report:?}");
}

/// A check whose future is never ready.
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
fn the_deadline_of_a_decision_may_be_shorter_than_the_deadline_of_its_checks() {
    let checks = [Guest::new("allow").check(), Guest::new("loop").check()];
    assert!(checks[1].limits().deadline > 10 * HASTE);
    let report = AuthChecks::new(&checks).deadline(HASTE).unwrap().explain_blocking(&nobody());
    missed_the_deadline(&report);
    assert_eq!(report.decided_by, Some(1));
    assert!(report.checks[1].evaluation.usage.fuel > 0, "the usage is still reported");
}

#[test]
fn a_native_check_that_is_never_ready_ends_at_the_deadline() {
    missed_the_deadline(&AuthChecks::new(&[Waits]).deadline(HASTE).unwrap().explain_blocking(&nobody()));
    let reports = AuthChecks::new(&[Waits]).deadline(HASTE).unwrap().explain_batch_blocking(&[nobody(), nobody()]);
    reports.iter().for_each(missed_the_deadline);
}

#[test]
fn a_check_that_allows_after_the_deadline_fails() {
    // A native check that blocks its thread longer than the deadline cannot be stopped, but its answer is too late.
    let slow = native::from_fn("slow", |_| {
        let end = Instant::now() + 2 * HASTE;
        while Instant::now() < end {
            std::thread::yield_now();
        }
        true
    });
    let allow = Guest::new("allow").check();
    for checks in [&[&slow as &dyn AuthCheck][..], &[&slow, &allow]] {
        let checks = AuthChecks::new(checks).deadline(HASTE).unwrap();
        let report = checks.explain_blocking(&nobody());
        missed_the_deadline(&report);
        assert_eq!((report.decided_by, report.checks.len()), (Some(0), 1));
        checks.explain_batch_blocking(&[nobody(), nobody()]).iter().for_each(missed_the_deadline);
    }
}

#[test]
fn a_check_is_not_called_after_the_deadline() {
    let called = native::from_fn("called", |_| -> bool { panic!("called") });
    let report = AuthChecks::new(&[called]).deadline(Duration::ZERO).unwrap().explain_blocking(&nobody());
    missed_the_deadline(&report);
}

#[test]
fn a_decision_without_checks_never_misses_its_deadline() {
    let none: [Check; 0] = [];
    assert!(AuthChecks::new(&none).deadline(Duration::ZERO).unwrap().explain_blocking(&nobody()).decision.is_allow());
}

#[test]
fn a_deadline_over_the_maximum_is_an_error() {
    let checks = [Guest::new("allow").check()];
    let checks = AuthChecks::new(&checks);
    assert!(checks.deadline(MAX_DEADLINE).unwrap().run_blocking(&nobody()).is_allow());
    for deadline in [MAX_DEADLINE + Duration::from_nanos(1), Duration::MAX] {
        let error = checks.deadline(deadline).unwrap_err().to_string();
        assert!(error.contains("over the maximum of 3600s"), "{error}");
    }
}

#[test]
fn processor_time_has_a_cap_of_its_own() {
    let guest = Guest::new("loop").limits(|limits| limits.cpu_time = Some(HASTE));
    let fault = guest.fails_with(Cause::CpuTimeLimit);
    assert!(fault.detail.contains("over the cap of 50ms"), "{fault}");
    assert_eq!(Guest::new("allow").limits(|limits| limits.cpu_time = Some(HASTE)).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn processor_time_is_measured() {
    for guest in [Guest::new("loop").deadline(HASTE), Guest::new("allow")] {
        let usage = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage;
        assert!(usage.cpu_time > Duration::ZERO && usage.cpu_time <= usage.elapsed, "{usage:?}");
    }
}

#[test]
fn waiting_for_admission_takes_no_processor_time() {
    // The host admits one instance: the second check waits until the first has used up its deadline.
    let patience = patient().deadline;
    let host = host_with(HostLimits { instances: 1, ..small() });
    let check = |name: &str, deadline, cpu_time| {
        Guest::new(name).on_host(&host).deadline(deadline).limits(|limits| limits.cpu_time = cpu_time).check()
    };
    let busy = check("loop", 4 * HASTE, None);
    let waits = check("allow", patience, Some(HASTE));
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(!run_auth_checks_blocking(&[&busy], &nobody()).is_allow()));
        for _ in 0..20 {
            let report = AuthChecks::new(&[&waits]).deadline(patience).unwrap().explain_blocking(&nobody());
            assert!(report.decision.is_allow(), "{report:?}");
        }
    });
}
