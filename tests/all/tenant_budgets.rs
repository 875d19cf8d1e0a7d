//! The rates of tenants: one that has spent its budget is denied at once, and takes nothing from others.

use std::num::NonZeroU32;
use std::pin::pin;
use std::time::{Duration, Instant};

use guardhouse::{
    AuthChecks, Cause, Check, Decision, Host, HostLimits, ImagePolicy, Outcome, StartMode, TenantBudget, compose,
    run_auth_checks, run_auth_checks_blocking,
};
use guardhouse_tests::guest::replaced;
use serde_json::json;
use tokio::runtime::Builder;

use crate::admission::is_pending;
use crate::harness::{Guest, eventually, fixture, host_with, nobody, of_pool, small};

fn check(host: &Host, tenant: &str, name: &str) -> Check {
    Guest::new(name).on_host(host).tenant(tenant).deadline(Duration::from_secs(60)).check()
}

/// The outcomes of one batch.
fn outcomes(check: &Check, requests: usize) -> Vec<Outcome> {
    let reports = AuthChecks::new(&[check]).explain_batch_blocking(&vec![nobody(); requests]);
    reports.into_iter().map(|mut report| report.checks.remove(0).evaluation.outcome).collect()
}

fn outcome(check: &Check) -> Outcome {
    outcomes(check, 1).remove(0)
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

/// So little processor time per second that a test does not notice it, after a burst.
fn cpu_time(burst: Duration) -> TenantBudget {
    TenantBudget {
        cpu_time_per_second: Some(Duration::from_nanos(1)),
        cpu_time_burst: Some(burst),
        ..TenantBudget::default()
    }
}

#[test]
fn evaluations_beyond_the_budget_fail_with_a_cause_and_take_nothing_from_others() {
    let host = host_with(small());
    let (greedy, good) = (check(&host, "greedy", "allow"), check(&host, "good", "allow"));
    host.tenant("greedy").set_budget(evaluations(1, 3)).unwrap();
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
    host.tenant("acme").set_budget(cpu_time(Duration::ZERO)).unwrap();
    let Decision::Deny(denial) = run_auth_checks_blocking(&[&spent], &nobody()) else { panic!("allowed") };
    assert_eq!(denial.message, None);
    // A fault inside a negation denies too.
    let negated = compose::negate(spent);
    assert!(!run_auth_checks_blocking(&[&negated], &nobody()).is_allow());
}

#[test]
fn an_evaluation_is_stopped_when_its_tenant_has_no_processor_time_left() {
    let host = host_with(small());
    let (endless, good) = (check(&host, "greedy", "loop"), check(&host, "good", "allow"));
    host.tenant("greedy").set_budget(cpu_time(Duration::from_millis(20))).unwrap();
    let found: Vec<Outcome> = (0..20).map(|_| outcome(&endless)).collect();
    assert!(found.iter().all(is_over_budget), "{found:?}");
    // The first one was stopped, and the others did not begin. Nothing else would have stopped it for a minute.
    let detail = &found[0].fault().unwrap().detail;
    assert!(detail.contains("that the tenant had left (`TenantBudget::cpu_time_per_second`)"), "{detail}");
    let usage = host.tenant("greedy").usage();
    assert_eq!((usage.evaluations, usage.over_budget), (1, 20));
    assert!(usage.cpu_time > Duration::from_millis(20));
    assert!(outcomes(&good, 20).iter().all(|outcome| *outcome == Outcome::Allow));
}

#[test]
fn a_budget_counts_all_checks_of_its_tenant_and_can_be_changed() {
    let host = host_with(small());
    let tenant = host.tenant("acme");
    assert_eq!(tenant.budget(), TenantBudget::default());
    tenant.set_budget(evaluations(1, 4)).unwrap();
    let (first, second) = (check(&host, "acme", "allow"), check(&host, "acme", "deny"));
    let start = Instant::now();
    let failed =
        outcomes(&first, 3).iter().chain(&outcomes(&second, 3)).filter(|outcome| is_over_budget(outcome)).count();
    assert!((2 - usize::try_from(start.elapsed().as_secs()).unwrap().min(2)..=2).contains(&failed), "{failed}");
    tenant.set_budget(TenantBudget::default()).unwrap();
    assert!(!outcomes(&first, 100).iter().any(is_over_budget));
}

#[test]
fn a_budget_outlives_every_handle_until_the_tenant_is_forgotten() {
    let host = host_with(HostLimits { tenants: 2, ..small() });
    host.tenant("acme").set_budget(cpu_time(Duration::ZERO)).unwrap();
    host.tenant("other").set_budget(cpu_time(Duration::ZERO)).unwrap();
    assert_eq!(host.tenant("acme").budget(), cpu_time(Duration::ZERO));
    assert!(is_over_budget(&outcome(&check(&host, "acme", "allow"))));

    let third = host.tenant("third");
    let error = third.set_budget(evaluations(1, 1)).unwrap_err();
    assert!(error.to_string().contains("2 others have one (`HostLimits::tenants`)"), "{error}");
    assert_eq!(third.budget(), TenantBudget::default());
    // One that has a budget can change it.
    host.tenant("acme").set_budget(evaluations(1, 1)).unwrap();

    assert!(host.forget_tenant("acme"));
    assert!(!host.forget_tenant("acme"));
    assert_eq!(host.tenant("acme").budget(), TenantBudget::default());
    third.set_budget(evaluations(1, 1)).unwrap();
    drop(third);
    let names = || host.tenant_usage().into_iter().map(|usage| usage.tenant.unwrap()).collect::<Vec<_>>();
    assert_eq!(names(), ["other", "third"]);
    host.tenant("other").set_budget(TenantBudget::default()).unwrap();
    assert_eq!(names(), ["third"]);
}

#[test]
fn evaluations_that_are_dropped_are_charged() {
    let host = host_with(small());
    let endless = [check(&host, "acme", "loop")];
    let before = host.tenant("acme").usage().cpu_time;
    host.tenant("acme").set_budget(cpu_time(Duration::from_millis(20))).unwrap();
    let (context, runtime) = (nobody(), Builder::new_current_thread().enable_time().build().unwrap());
    let mut dropped = 0;
    runtime.block_on(async {
        // Each is dropped after a tick or two. The last one is denied before it begins.
        while is_pending(pin!(run_auth_checks(&endless, &context))).await {
            dropped += 1;
            assert!(dropped < 10_000, "dropped evaluations take nothing");
        }
    });
    let usage = host.tenant("acme").usage();
    assert!(dropped > 0);
    assert!(usage.evaluations > 0);
    assert!(usage.cpu_time - before >= Duration::from_millis(20), "{usage:?}");
    assert!(is_over_budget(&outcome(&endless[0])));
}

#[test]
fn configuring_on_trial_and_making_images_are_charged_to_the_owner() {
    let host = host_with(small());
    let cap = Duration::from_millis(30);
    let text = replaced(&fixture("loop"), "(loop $for-ever", "(loop $for-ever (nop)");
    let guest = Guest::from_text("endless", &text).on_host(&host).tenant("acme");
    let plain = guest.clone().image(ImagePolicy::Never).check();
    let trial = host.tenant("acme").usage();
    assert_eq!(trial.evaluations, 0);
    assert!(trial.cpu_time > Duration::ZERO, "the trial");
    // The warm-up request of the image never ends, and is stopped at the cap.
    let limited = guest.image(ImagePolicy::Eager).warm_up(nobody());
    let imaged = limited.limits(|limits| limits.configure_cpu_time = cap).check();
    assert!(matches!(imaged.start_mode(), StartMode::Configure { .. }));
    let usage = host.tenant("acme").usage();
    assert!(usage.cpu_time >= cap + trial.cpu_time, "{usage:?}");
    assert_eq!(usage.evaluations, 0);
    drop(plain);
}

#[test]
fn the_making_of_standby_instances_is_charged_to_the_owner() {
    let host = host_with(small());
    let guest = Guest::from_text("standby", &of_pool(&fixture("allow"), "large")).on_host(&host).tenant("acme");
    let check = guest.standby(2).check();
    let before = host.tenant("acme").usage().cpu_time;
    let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
    eventually("two standby instances are ready", || host.tenant("acme").usage().instances == 2);
    assert!(host.tenant("acme").usage().cpu_time - before > report.checks[0].evaluation.usage.cpu_time);

    // A tenant that has spent its budget gets none.
    host.tenant("acme").set_budget(cpu_time(Duration::from_nanos(1))).unwrap();
    // The charge for an instance may come after the instance: then even the first evaluation is over the budget.
    outcome(&check);
    assert!(is_over_budget(&outcome(&check)));
}

#[test]
fn an_evaluation_that_is_repeated_takes_the_budget_once() {
    let host = host_with(small());
    // The second call in the same memory traps, so that each context after the first is evaluated twice.
    let set = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let text = replaced(&fixture("counter"), set, &format!("(if (global.get $calls) (then unreachable)) {set}"));
    let check = Guest::from_text("once", &text).on_host(&host).tenant("acme").check();
    host.tenant("acme").set_budget(evaluations(1, 10)).unwrap();
    let found = outcomes(&check, 10);
    assert!(found.iter().all(|outcome| *outcome == Outcome::Allow), "{found:?}");
    assert_eq!(host.tenant("acme").usage().evaluations, 10);
}

#[test]
fn settings_are_charged_when_they_are_validated_by_a_plugin() {
    let host = host_with(small());
    let schema = r#"{"type": "object", "properties": {"a": {"pattern": "^(x+x+)+y$"}}}"#;
    let guest = Guest::with_settings(schema, "", "").on_host(&host);
    let plugin = guest.load().unwrap();
    let check = |tenant: &str, text: &str| {
        let made = guest.clone().tenant(tenant).settings(json!({ "a": text })).configure_loaded(&plugin);
        // The settings are invalid, so that nothing is configured on trial.
        assert!(made.is_err());
        host.tenant(tenant).usage()
    };
    host.tenant("acme").set_budget(cpu_time(Duration::from_secs(3_600))).unwrap();
    assert!(check("acme", "xx").cpu_time > Duration::ZERO);
}
