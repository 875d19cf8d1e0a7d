//! The budgets of tenants: one that has spent its own is denied at once, and takes nothing from others.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthChecks, Cause, Check, Decision, Host, Limits, Outcome, TenantBudget, compose, run_auth_checks_blocking,
};

use crate::harness::{Guest, host_with, nobody, small};

fn check(host: &Host, tenant: &str, name: &str) -> Check {
    Guest::new(name).on_host(host).tenant(tenant).deadline(Duration::from_secs(60)).check()
}

/// The outcomes of one batch.
fn outcomes(check: &Check, requests: usize) -> Vec<Outcome> {
    let reports = AuthChecks::new(&[check]).explain_batch_blocking(&vec![nobody(); requests]);
    reports.into_iter().map(|mut report| report.checks.remove(0).evaluation.outcome).collect()
}

fn is_over_budget(outcome: &Outcome) -> bool {
    outcome.fault().is_some_and(|fault| fault.cause == Cause::OverBudget)
}

fn evaluations(per_second: u32, burst: u32) -> TenantBudget {
    TenantBudget {
        evaluations_per_second: NonZeroU32::new(per_second),
        evaluation_burst: NonZeroU32::new(burst),
        ..TenantBudget::default()
    }
}

#[test]
fn evaluations_beyond_the_budget_fail_with_a_cause_and_take_nothing_from_others() {
    let host = host_with(small());
    let (greedy, good) = (check(&host, "greedy", "allow"), check(&host, "good", "allow"));
    host.tenant("greedy").set_budget(evaluations(1, 3));
    let start = Instant::now();
    let found = outcomes(&greedy, 50);
    // One more each second, on a slow machine.
    let possible = 3 + usize::try_from(start.elapsed().as_secs()).unwrap();
    let allowed = found.iter().filter(|outcome| **outcome == Outcome::Allow).count();
    assert!((3..=possible).contains(&allowed), "{found:?}");
    assert!(found[..3].iter().all(|outcome| *outcome == Outcome::Allow));
    assert_eq!(found.iter().filter(|outcome| is_over_budget(outcome)).count(), 50 - allowed);
    let detail = &found[3].fault().unwrap().detail;
    assert!(detail.contains("1 evaluations per second (`TenantBudget::evaluations_per_second`)"), "{detail}");

    let usage = host.tenant("greedy").usage();
    assert_eq!((usage.evaluations, usage.over_budget), (allowed as u64, 50 - allowed as u64));
    assert!(outcomes(&good, 50).iter().all(|outcome| *outcome == Outcome::Allow));
    assert_eq!(host.tenant("good").usage().over_budget, 0);
}

#[test]
fn the_caller_of_a_tenant_over_budget_sees_a_masked_denial() {
    let host = host_with(small());
    let spent = check(&host, "acme", "allow");
    host.tenant("acme")
        .set_budget(TenantBudget { cpu_time_per_second: Some(Duration::ZERO), ..TenantBudget::default() });
    let Decision::Deny(denial) = run_auth_checks_blocking(&[&spent], &nobody()) else { panic!("allowed") };
    assert_eq!(denial.message, None);
    // A fault inside a negation denies too.
    let negated = compose::negate(spent);
    assert!(!run_auth_checks_blocking(&[&negated], &nobody()).is_allow());
}

#[test]
fn processor_time_beyond_the_budget_is_paid_back_while_others_go_on() {
    let host = host_with(small());
    let cap = |limits: &mut Limits| limits.cpu_time = Some(Duration::from_millis(20));
    let endless = Guest::new("loop").on_host(&host).tenant("greedy").limits(cap).check();
    let good = check(&host, "good", "allow");
    host.tenant("greedy")
        .set_budget(TenantBudget { cpu_time_per_second: Some(Duration::from_micros(1)), ..TenantBudget::default() });
    let causes: Vec<Cause> = (0..20)
        .map(|_| AuthChecks::new(&[&endless]).explain_blocking(&nobody()).checks[0].evaluation.outcome.clone())
        .map(|outcome| outcome.fault().unwrap().cause)
        .collect();
    // The first one uses more than the budget of five hours.
    assert_eq!(causes[0], Cause::CpuTimeLimit);
    assert!(causes[1..].iter().all(|cause| *cause == Cause::OverBudget), "{causes:?}");
    assert!(host.tenant("greedy").usage().cpu_time < Duration::from_secs(1));
    assert!(outcomes(&good, 20).iter().all(|outcome| *outcome == Outcome::Allow));
}

#[test]
fn a_budget_counts_all_checks_of_its_tenant_and_can_be_changed() {
    let host = host_with(small());
    let tenant = host.tenant("acme");
    assert_eq!(tenant.budget(), TenantBudget::default());
    tenant.set_budget(evaluations(1, 4));
    let (first, second) = (check(&host, "acme", "allow"), check(&host, "acme", "deny"));
    let start = Instant::now();
    let failed =
        outcomes(&first, 3).iter().chain(&outcomes(&second, 3)).filter(|outcome| is_over_budget(outcome)).count();
    assert!((2 - usize::try_from(start.elapsed().as_secs()).unwrap().min(2)..=2).contains(&failed), "{failed}");
    tenant.set_budget(TenantBudget::default());
    assert!(!outcomes(&first, 100).iter().any(is_over_budget));
}
