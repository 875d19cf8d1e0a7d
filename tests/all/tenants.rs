//! What the checks of one tenant take together can be seen, and is counted down to nothing.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use guardhouse::{Check, CheckConfig, Host, TenantUsage, blocking, run_auth_checks};
use serde_json::json;
use tokio::runtime::Builder;

use crate::harness::{Guest, host_with, nobody, patient, small, somebody};

fn of(host: &Host, tenant: &str) -> TenantUsage {
    let found = host.tenant_usage().into_iter().find(|usage| usage.tenant.as_deref() == Some(tenant));
    found.unwrap_or_else(|| panic!("no tenant `{tenant}`"))
}

fn check(host: &Host, tenant: &str, name: &str) -> Check {
    let mut guest = Guest::new(name);
    guest.host = host.clone();
    guest.config.tenant = Some(host.tenant(tenant));
    guest.config.limits.deadline = Duration::from_secs(60);
    guest.check()
}

#[test]
fn evaluations_fuel_and_processor_time_add_up() {
    let host = host_with(small());
    let (first, second) = (check(&host, "acme", "allow"), check(&host, "acme", "unreachable"));
    let other = check(&host, "other", "allow");
    let mut fuel = 0;
    for _ in 0..10 {
        for check in [&first, &second] {
            fuel += blocking::explain_auth_checks(&[check], &nobody()).checks[0].usage.fuel;
        }
    }
    let acme = of(&host, "acme");
    assert_eq!((acme.checks, acme.evaluations, acme.fuel), (2, 20, fuel));
    assert!(acme.cpu_time > Duration::ZERO);
    assert_eq!((acme.instances, acme.memory_bytes), (0, 0));
    assert_eq!((of(&host, "other").checks, of(&host, "other").evaluations), (1, 0));
    drop(other);
    assert_eq!(host.tenant_usage().len(), 1, "a tenant without checks is forgotten");
}

#[test]
fn settings_are_counted_for_as_long_as_their_check_lives() {
    let host = host_with(small());
    let plugin = guardhouse::Plugin::load(&host, guardhouse::builtin::bytes("require-scopes").unwrap()).unwrap();
    let check = |scopes: &[&str]| {
        let tenant = Some(host.tenant("acme"));
        let config = CheckConfig { tenant, limits: patient(), ..CheckConfig::from(json!({ "scopes": scopes })) };
        Check::new(&plugin, config).unwrap()
    };
    let (small, large) = (check(&["a"]), check(&["a", "b"]));
    let clone = small.clone();
    assert_eq!(of(&host, "acme").settings_bytes, 16 + 20);
    drop((clone, large));
    assert_eq!((of(&host, "acme").checks, of(&host, "acme").settings_bytes), (1, 16));
    drop(small);
    assert!(host.tenant_usage().is_empty());
}

#[test]
fn instances_and_their_memory_are_counted_while_they_live() {
    let host = host_with(small());
    let busy = [check(&host, "acme", "loop")];
    let context = somebody(&[]);
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let mut run = pin!(run_auth_checks(&busy, &context));
        assert!(!std::future::poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx).is_ready())).await);
        let usage = of(&host, "acme");
        assert_eq!((usage.instances, usage.memory_bytes), (1, 2 << 16));
    });
    let usage = of(&host, "acme");
    assert_eq!((usage.instances, usage.memory_bytes), (0, 0));
}
