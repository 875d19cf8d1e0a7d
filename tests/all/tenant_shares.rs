//! The things that a tenant holds: plugins, checks, settings, memory and code, each bounded by its budget.

use std::time::Duration;

use guardhouse::{
    AuthChecks, Cause, Check, CheckConfig, ConfigError, Decision, Digest, Host, HostLimits, ImagePolicy, LoadError,
    Outcome, Plugin, StartMode, TenantBudget, run_auth_checks_blocking,
};
use serde_json::json;

use crate::admission::while_asked;
use crate::cache_folder::CacheFolder;
use crate::compiler::{host_of, process};
use crate::harness::{Guest, builtin_on, eventually, host_with, nobody, settings, small, somebody};

/// A host, on which the tenant `acme` has a budget.
fn host(budget: TenantBudget) -> Host {
    let host = host_with(small());
    host.tenant("acme").set_budget(budget).unwrap();
    host
}

fn load(host: &Host, name: &str) -> Result<Plugin, LoadError> {
    Plugin::load_for(host, &host.tenant("acme"), Guest::new(name).bytes())
}

/// Makes a check of `require-scopes` for a tenant.
fn requires(host: &Host, tenant: &str, scopes: &[&str]) -> Result<Check, ConfigError> {
    let config = CheckConfig { tenant: Some(host.tenant(tenant)), ..settings(json!({ "scopes": scopes })) };
    Check::new(&builtin_on(host, "require-scopes"), config)
}

#[test]
fn the_number_of_plugins_is_bounded_until_one_is_dropped() {
    let host = host(TenantBudget { plugins: Some(2), ..TenantBudget::default() });
    let (first, second) = (load(&host, "allow").unwrap(), load(&host, "deny").unwrap());
    let LoadError::OverBudget(text) = load(&host, "loop").unwrap_err() else { panic!("another error") };
    assert_eq!(text, "the tenant has spent its budget of 2 plugins (`TenantBudget::plugins`)");
    assert_eq!(host.tenant("acme").usage().plugins, 2);
    // Others, and plugins without an owner, do not count.
    assert!(Plugin::load_for(&host, &host.tenant("other"), Guest::new("loop").bytes()).is_ok());
    assert!(Plugin::load(&host, Guest::new("loop").bytes()).is_ok());
    // A check keeps its plugin.
    let check = Check::new(&first, CheckConfig::default()).unwrap();
    drop(first);
    assert!(load(&host, "loop").is_err());
    drop(check);
    assert!(load(&host, "loop").is_ok());
    drop(second);
    assert_eq!((host.tenant("acme").usage().plugins, host.tenant("acme").usage().plugin_bytes), (0, 0));
}

#[test]
fn the_bytes_of_plugins_are_bounded_and_a_plugin_that_is_not_loaded_takes_none() {
    let bytes = Guest::new("allow").bytes().len() as u64;
    let host = host(TenantBudget { plugin_bytes: Some(bytes), ..TenantBudget::default() });
    let plugin = load(&host, "allow").unwrap();
    assert_eq!(host.tenant("acme").usage().plugin_bytes, bytes);
    assert!(matches!(load(&host, "loop"), Err(LoadError::OverBudget(text)) if text.contains("plugin_bytes")));
    drop(plugin);
    let broken = Plugin::load_for(&host, &host.tenant("acme"), b"#!/bin/sh");
    assert!(matches!(broken, Err(LoadError::NotWasm { .. })));
    assert_eq!((host.tenant("acme").usage().plugins, host.tenant("acme").usage().plugin_bytes), (0, 0));
    assert!(load(&host, "allow").is_ok());
}

#[test]
fn a_plugin_is_loaded_only_for_a_tenant_of_its_host() {
    let (host, other) = (host_with(small()), host_with(small()));
    let error = Plugin::load_for(&host, &other.tenant("acme"), Guest::new("allow").bytes()).unwrap_err();
    assert!(matches!(&error, LoadError::OtherHost { tenant, .. } if tenant == "acme"), "{error}");
}

#[test]
fn the_number_of_checks_and_the_bytes_of_their_settings_are_bounded() {
    let limited = host(TenantBudget { checks: Some(2), ..TenantBudget::default() });
    let checks = [requires(&limited, "acme", &["a"]).unwrap(), requires(&limited, "acme", &["b"]).unwrap()];
    let error = requires(&limited, "acme", &["c"]).unwrap_err();
    assert_eq!(error.to_string(), "the tenant has spent its budget of 2 checks (`TenantBudget::checks`)");
    assert!(requires(&limited, "other", &["c"]).is_ok());
    drop(checks);
    assert!(requires(&limited, "acme", &["c"]).is_ok());

    let limited = host(TenantBudget { settings_bytes: Some(40), ..TenantBudget::default() });
    let check = requires(&limited, "acme", &["a"]).unwrap();
    let error = requires(&limited, "acme", &["a long name of a scope"]).unwrap_err();
    assert!(matches!(&error, ConfigError::OverBudget(text) if text.contains("40B of settings")), "{error}");
    // The check that was not made counts no more.
    assert_eq!((limited.tenant("acme").usage().checks, limited.tenant("acme").usage().settings_bytes), (1, 16));
    drop(check);
    assert_eq!((limited.tenant("acme").usage().checks, limited.tenant("acme").usage().settings_bytes), (0, 0));
}

#[test]
fn the_memory_of_live_instances_is_bounded_for_all_checks_of_a_tenant() {
    let host = host_with(HostLimits { instances: 16, ..HostLimits::default() });
    let budget = TenantBudget { memory_bytes: Some(3 << 16), ..TenantBudget::default() };
    host.tenant("acme").set_budget(budget).unwrap();
    let check = |tenant: &str, name: &str| {
        Guest::new(name).on_host(&host).tenant(tenant).deadline(Duration::from_secs(60)).check()
    };
    // Each instance has two pages.
    let (busy, next, other) = (check("acme", "loop"), check("acme", "allow"), check("other", "allow"));
    let outcome =
        |check: &Check| AuthChecks::new(&[check]).explain_blocking(&nobody()).checks.remove(0).evaluation.outcome;
    while_asked(&busy, &nobody(), || {
        let found = outcome(&next);
        let fault = found.fault().unwrap();
        assert_eq!(fault.cause, Cause::OverBudget, "{fault}");
        assert!(fault.detail.contains("192KiB of memory (`TenantBudget::memory_bytes`)"), "{fault}");
        assert_eq!(outcome(&other), Outcome::Allow);
        assert_eq!(host.tenant("acme").usage().memory_bytes, 2 << 16);
    });
    assert_eq!(outcome(&next), Outcome::Allow);
    let usage = host.tenant("acme").usage();
    assert_eq!((usage.memory_bytes, usage.instances, usage.over_budget), (0, 0, 1));
    // Memory that grows counts too: a plugin that takes all that it can get stops at the budget, and fails there.
    let greedy = check("acme", "memory-trap");
    assert_eq!(outcome(&greedy).fault().unwrap().cause, Cause::OverBudget);
}

#[test]
fn the_code_of_a_tenant_is_evicted_beyond_its_budget_and_that_of_others_is_not() {
    let folder = CacheFolder::new();
    let host = folder.host();
    host.tenant("acme").set_budget(TenantBudget { resident_bytes: Some(1), ..TenantBudget::default() }).unwrap();
    let other = Plugin::load_for(&host, &host.tenant("other"), Guest::new("token").bytes()).unwrap();
    let plugins = ["allow", "deny", "counter"].map(|name| load(&host, name).unwrap());
    assert_eq!(plugins.each_ref().map(Plugin::is_resident), [false, false, true]);
    assert!(other.is_resident());
    // It is reloaded when it is needed.
    let check = Check::new(&plugins[0], CheckConfig::default()).unwrap();
    assert_eq!(run_auth_checks_blocking(&[check], &nobody()), Decision::Allow);
    assert_eq!(plugins.each_ref().map(Plugin::is_resident), [true, false, false]);
    assert!(host.tenant("acme").usage().resident_bytes > 1);
}

#[test]
fn the_images_of_a_tenant_are_evicted_beyond_its_budget() {
    let host = host(TenantBudget { resident_bytes: Some(1), ..TenantBudget::default() });
    let plugin = builtin_on(&host, "require-scopes");
    let imaged = |tenant: &str, scope: &str| {
        let tenant = Some(host.tenant(tenant));
        let config = CheckConfig { tenant, image: ImagePolicy::Eager, ..settings(json!({ "scopes": [scope] })) };
        Check::new(&plugin, config).unwrap()
    };
    let checks = [imaged("other", "a"), imaged("acme", "b"), imaged("acme", "c")];
    let has_image = |check: &Check| check.start_mode() == StartMode::Image;
    assert_eq!(checks.each_ref().map(has_image), [true, false, true]);
}

#[test]
fn compilation_beyond_the_budget_is_an_error_and_code_from_the_cache_is_not() {
    let budget = TenantBudget { compile_time_per_hour: Some(Duration::from_nanos(1)), ..TenantBudget::default() };
    let folder = CacheFolder::new();
    let first = folder.host();
    let acme = first.tenant("acme");
    acme.set_budget(budget.clone()).unwrap();
    assert!(load(&first, "allow").is_ok());
    assert!(acme.usage().compile_time > Duration::ZERO);
    let error = load(&first, "deny").unwrap_err();
    assert!(matches!(&error, LoadError::OverBudget(text) if text.contains("1ns of compilation per hour")), "{error}");
    assert!(load(&first, "allow").is_ok(), "it is in the cache");
    assert!(Plugin::load_for(&first, &first.tenant("other"), Guest::new("deny").bytes()).is_ok());
    assert!(load(&first, "deny").is_ok(), "it is in the cache now");
    assert_eq!(acme.usage().plugins, 0);

    // Without a compiler process, too.
    let here = host(budget);
    assert_eq!(load(&here, "allow").unwrap().digest(), Digest::of(Guest::new("allow").bytes()));
    assert!(matches!(load(&here, "deny"), Err(LoadError::OverBudget(_))));
}

#[test]
fn an_image_that_the_budget_did_not_permit_is_made_later() {
    let host = host(TenantBudget { compile_time_per_hour: Some(Duration::from_nanos(1)), ..TenantBudget::default() });
    let config = CheckConfig {
        image: ImagePolicy::Eager,
        tenant: Some(host.tenant("acme")),
        ..settings(json!({ "scopes": [] }))
    };
    let check = Check::new(&builtin_on(&host, "require-scopes"), config).unwrap();
    // The first image of a plugin takes two compilations, and the budget was for one.
    assert!(matches!(check.start_mode(), StartMode::Configure { .. }));
    for _ in 0..1_000 {
        let _ = run_auth_checks_blocking(&[&check], &somebody(&[]));
    }
    assert!(matches!(check.start_mode(), StartMode::Configure { .. }));
    assert!(host.forget_tenant("acme"));
    eventually("the image is made", || {
        let _ = run_auth_checks_blocking(&[&check], &somebody(&[]));
        check.start_mode() == StartMode::Image
    });
}

#[test]
fn the_processor_time_of_compiler_processes_is_charged_to_the_tenant() {
    let host = host_of(process(), small());
    let acme = host.tenant("acme");
    // Two of them share one compiler at a time, and a tenant uses one.
    std::thread::scope(|scope| {
        for name in ["allow", "deny", "counter"] {
            let (host, acme) = (&host, &acme);
            scope.spawn(move || Plugin::load_for(host, acme, Guest::new(name).bytes()).unwrap());
        }
    });
    // It is read in units of 10 ms, and rounded up for each of them.
    let charged = acme.usage().compile_time;
    assert!(charged >= Duration::from_millis(30), "{charged:?}");
    assert_eq!(charged.subsec_nanos() % 10_000_000, 0, "{charged:?}");
    acme.set_budget(TenantBudget { compile_time_per_hour: Some(Duration::from_nanos(1)), ..TenantBudget::default() })
        .unwrap();
    assert!(load(&host, "loop").is_ok());
    assert!(matches!(load(&host, "token"), Err(LoadError::OverBudget(_))));
}
