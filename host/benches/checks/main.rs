//! What a decision costs: a native closure (the floor), the same guest in an instance that is used again and again
//! (what Guardhouse never does), and a fresh instance for every evaluation (what it always does).
//!
//! `cargo xtask bench` runs this and prints a table of ratios.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use guardhouse::{
    AccessToken, AuthContext, Check, CheckConfig, Component, Host, ImagePolicy, Plugin, Tier, blocking, builtin, native,
};
use serde_json::{Value, json};

mod reused;

/// Each built-in plugin that is measured, with settings that allow both contexts.
fn plugins() -> Vec<(&'static str, Value)> {
    vec![
        ("require-auth", Value::Null),
        ("require-scopes", json!({ "scopes": ["read", "scope-17"] })),
        ("restrict-tag", json!({ "tag": "tag-3", "scopes": ["read"] })),
    ]
}

/// Two scopes and nothing else.
fn tiny() -> AuthContext {
    AuthContext::new(Component::new("tool", "search")).with_token(AccessToken::new("client", ["read", "scope-17"]))
}

/// Twenty scopes, ten tags, a kilobyte of claims.
fn real() -> AuthContext {
    let scopes = (0..19).map(|n| format!("scope-{n}")).chain(["read".to_owned()]);
    let mut token = AccessToken::new("0oa1b2c3d4", scopes);
    token.subject = Some("00u1234567890".to_owned());
    token.expires_at = Some(4_102_444_800);
    token.resource_indicator = Some("https://mcp.example.com/mcp".to_owned());
    token.claims = json!({ "iss": "https://id.example.com", "groups": vec!["engineering-team"; 50] }).into();
    let mut component = Component::new("tool", "get_invoice");
    component.tags = (0..10).map(|n| format!("tag-{n}")).collect();
    AuthContext::new(component).with_token(token)
}

fn contexts() -> [(&'static str, AuthContext); 2] {
    [("tiny", tiny()), ("real", real())]
}

fn load(criterion: &mut Criterion) {
    let host = Host::new().unwrap();
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for (name, _) in plugins() {
        let bytes = builtin::bytes(name).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| Plugin::load(&host, black_box(bytes)).unwrap()));
    }
}

fn configure(criterion: &mut Criterion) {
    let host = Host::new().unwrap();
    let mut group = criterion.benchmark_group("configure");
    for (name, settings) in plugins() {
        let plugin = Plugin::load(&host, builtin::bytes(name).unwrap()).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| Check::new(&plugin, CheckConfig::from(settings.clone())).unwrap());
        });
    }
}

fn native_floor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("native");
    let check = native::require_scopes(["read", "scope-17"]);
    for (size, context) in contexts() {
        group.bench_function(format!("closure/{size}"), |bencher| {
            let has = |context: &AuthContext| {
                let token = context.token.as_ref();
                token.is_some_and(|token| ["read", "scope-17"].iter().all(|scope| token.has_scope(scope)))
            };
            bencher.iter(|| has(black_box(&context)));
        });
        group.bench_function(format!("run_auth_checks/{size}"), |bencher| {
            bencher.iter(|| blocking::run_auth_checks(&[&check], black_box(&context)));
        });
    }
}

fn reused(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reused");
    for (size, context) in contexts() {
        let settings = json!({ "scopes": ["read", "scope-17"] }).to_string();
        let mut instance = reused::Reused::new(builtin::bytes("require-scopes").unwrap(), &settings);
        group.bench_function(format!("require-scopes/{size}"), |bencher| {
            bencher.iter(|| assert!(instance.check(black_box(&context))));
        });
    }
}

/// A check whose instances start from an image, or configure themselves.
fn check(host: &Host, name: &str, settings: Value, image: ImagePolicy) -> Check {
    let plugin = Plugin::load(host, builtin::bytes(name).unwrap()).unwrap();
    let check = Check::new(&plugin, CheckConfig { image, ..CheckConfig::from(settings) }).unwrap();
    assert_eq!(check.tier() == Tier::Image, image == ImagePolicy::Eager);
    check
}

fn fresh(criterion: &mut Criterion) {
    let host = Host::new().unwrap();
    let mut group = criterion.benchmark_group("fresh");
    for (name, settings) in plugins() {
        let mut checks = vec![("configures", check(&host, name, settings.clone(), ImagePolicy::Never))];
        if !settings.is_null() {
            checks.push(("image", check(&host, name, settings, ImagePolicy::Eager)));
        }
        for (tier, check) in checks {
            for (size, context) in contexts() {
                assert!(blocking::run_auth_checks(&[&check], &context).is_allow());
                group.bench_function(format!("{name}/{tier}/{size}"), |bencher| {
                    bencher.iter(|| blocking::run_auth_checks(&[&check], black_box(&context)));
                });
            }
        }
    }
}

/// The settings are large: what an image spares.
fn large_settings(criterion: &mut Criterion) {
    let host = Host::new().unwrap();
    let mut group = criterion.benchmark_group("10000-scopes");
    let scopes: Vec<String> = (0..10_000).map(|n| format!("scope-{n}")).collect();
    let context = real();
    for (tier, image) in [("configures", ImagePolicy::Never), ("image", ImagePolicy::Eager)] {
        let check = check(&host, "require-scopes", json!({ "scopes": scopes }), image);
        assert!(!blocking::run_auth_checks(&[&check], &context).is_allow());
        group.bench_function(tier, |bencher| {
            bencher.iter(|| blocking::run_auth_checks(&[&check], black_box(&context)));
        });
    }
}

criterion_group!(benches, native_floor, reused, fresh, large_settings, configure, load);
criterion_main!(benches);
