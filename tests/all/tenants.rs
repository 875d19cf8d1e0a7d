//! The usage of a tenant: the sum over its checks, which returns to zero.

use std::time::Duration;

use guardhouse::{AuthChecks, Check, CheckConfig, ConfigError, Host, TenantUsage, run_auth_checks_blocking};
use serde_json::json;

use crate::admission::while_asked;
use crate::harness::{Guest, host_with, nobody, small, somebody};

fn of(host: &Host, tenant: &str) -> TenantUsage {
    let found = host.tenant_usage().into_iter().find(|usage| usage.tenant.as_deref().unwrap_or_default() == tenant);
    found.unwrap_or_else(|| panic!("no tenant `{tenant}`"))
}

fn check(host: &Host, tenant: &str, name: &str) -> Check {
    Guest::new(name).on_host(host).tenant(tenant).deadline(Duration::from_secs(60)).check()
}

#[test]
fn evaluations_fuel_and_processor_time_add_up() {
    let host = host_with(small());
    let (first, second) = (check(&host, "acme", "allow"), check(&host, "acme", "unreachable"));
    let other = check(&host, "other", "allow");
    let mut fuel = 0;
    for _ in 0..10 {
        for check in [&first, &second] {
            fuel += AuthChecks::new(&[check]).explain_blocking(&nobody()).checks[0].evaluation.usage.fuel;
        }
    }
    let acme = of(&host, "acme");
    assert_eq!((acme.checks, acme.evaluations, acme.fuel), (2, 20, fuel));
    assert!(acme.cpu_time > Duration::ZERO);
    assert_eq!((acme.instances, acme.memory_bytes), (0, 0));
    assert_eq!((of(&host, "other").checks, of(&host, "other").evaluations), (1, 0));
    drop(other);
    assert_eq!(host.tenant_usage().len(), 1, "a tenant without checks is not listed");
}

#[test]
fn settings_are_counted_until_their_check_is_dropped() {
    let host = host_with(small());
    let bytes = guardhouse::builtin::bytes("require-scopes").unwrap().to_vec();
    let guest = Guest::from_bytes("require-scopes", bytes).on_host(&host).tenant("acme");
    let check = |scopes: &[&str]| guest.clone().settings(json!({ "scopes": scopes })).check();
    let (small, large) = (check(&["a"]), check(&["a", "b"]));
    let clone = small.clone();
    assert_eq!(of(&host, "acme").settings_bytes, 16 + 20);
    drop((clone, large));
    assert_eq!((of(&host, "acme").checks, of(&host, "acme").settings_bytes), (1, 16));
    drop(small);
    assert!(host.tenant_usage().is_empty());
}

#[test]
fn instances_and_their_memory_are_counted_until_they_are_dropped() {
    let host = host_with(small());
    let busy = check(&host, "acme", "loop");
    let usage = || (of(&host, "acme").instances, of(&host, "acme").memory_bytes);
    while_asked(&busy, &somebody(&[]), || assert_eq!(usage(), (1, 2 << 16)));
    assert_eq!(usage(), (0, 0));
}

#[test]
fn a_name_stands_for_one_tenant_of_a_host_and_a_check_needs_a_tenant_of_its_own_host() {
    let (host, other) = (host_with(small()), host_with(small()));
    assert_eq!(host.tenant("acme"), host.tenant("acme"));
    assert_ne!(host.tenant("acme"), host.tenant("other"));
    assert_ne!(host.tenant("acme"), other.tenant("acme"));

    let plugin = Guest::new("allow").on_host(&host).load().unwrap();
    let config = |tenant| CheckConfig { tenant: Some(tenant), ..CheckConfig::default() };
    let check = Check::new(&plugin, config(host.tenant("acme"))).unwrap();
    assert_eq!(check.tenant(), Some("acme"));
    let error = Check::new(&plugin, config(other.tenant("acme"))).unwrap_err();
    assert!(matches!(&error, ConfigError::OtherHost { tenant, .. } if tenant == "acme"), "{error}");
}

#[test]
fn a_tenant_handle_reads_its_own_usage() {
    let host = host_with(small());
    let acme = host.tenant("acme");
    let checks = [check(&host, "acme", "allow"), check(&host, "other", "allow")];
    for check in [&checks[0], &checks[0], &checks[1]] {
        let _ = run_auth_checks_blocking(&[check], &nobody());
    }
    assert_eq!((acme.name(), acme.usage().evaluations), ("acme", 2));
    drop(checks);
    assert_eq!((acme.usage().checks, acme.usage().evaluations), (0, 2));
}
