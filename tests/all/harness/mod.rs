//! Shared parts of the tests: hosts, requests, plugins under test ([`Guest`]) and readers of reports.

pub(crate) mod check_request;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod decided;
pub(crate) mod grpc;
mod guest;
pub(crate) mod issuer;
pub(crate) mod policies;
mod report;
mod rules;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use guardhouse::builtin::Builtin;
use guardhouse::{
    AccessToken, AuthContext, Check, CheckConfig, Component, Decision, Host, HostLimits, Limits, Plugin,
    run_auth_checks_blocking,
};
use guardhouse_tests::guest::assemble;
use serde_json::Value;

pub(crate) use self::client::{Client, Reply};
pub(crate) use self::daemon::{Daemon, decided_by, policy};
pub(crate) use self::guest::{Guest, fixture, of_pool, reads};
pub(crate) use self::report::{cause, failed, reproducible};
pub(crate) use self::rules::{Condition, rules_plugin};

/// The host of all tests that need no limits of their own.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| host_with(HostLimits { instances: 64, ..HostLimits::default() }))
}

pub(crate) fn host_with(limits: HostLimits) -> Host {
    Host::builder().limits(limits).build().unwrap()
}

/// Limits of a host with few instances, which is cheap to build.
pub(crate) fn small() -> HostLimits {
    HostLimits { instances: 4, ..HostLimits::default() }
}

/// A built-in plugin on [`host`], loaded once.
pub(crate) fn builtin(name: &str) -> &'static Plugin {
    static PLUGINS: OnceLock<BTreeMap<&str, Plugin>> = OnceLock::new();
    let load = |found: &Builtin| (found.name, Plugin::load(host(), found.bytes).unwrap());
    &PLUGINS.get_or_init(|| guardhouse::builtin::ALL.iter().map(load).collect())[name]
}

/// A built-in plugin on another host.
pub(crate) fn builtin_on(host: &Host, name: &str) -> Plugin {
    Plugin::load(host, guardhouse::builtin::bytes(name).unwrap()).unwrap()
}

/// Default limits with long deadlines and no cap on processor time: the speed of the machine must not decide a test that is not about deadlines.
pub(crate) fn patient() -> Limits {
    let patient = Duration::from_secs(10);
    Limits { deadline: patient, configure_deadline: patient, cpu_time: None, ..Limits::default() }
}

/// The configuration of a check with settings and [`patient`] limits.
pub(crate) fn settings(settings: Value) -> CheckConfig {
    CheckConfig { limits: patient(), ..CheckConfig::from(settings) }
}

/// A request without a token.
pub(crate) fn nobody() -> AuthContext {
    at(1_700_000_000)
}

/// A request without a token at a time.
pub(crate) fn at(now: i64) -> AuthContext {
    AuthContext::new(Component::tool("t")).with_action("tools/call").at(now)
}

/// A request with a token that has these scopes.
pub(crate) fn somebody(scopes: &[&str]) -> AuthContext {
    nobody().with_token(AccessToken::new("client", scopes.iter().copied()))
}

/// A request with a token that has these claims.
pub(crate) fn claiming(claims: Value) -> AuthContext {
    nobody().with_token(AccessToken::new("client", [""; 0]).with_claims(claims))
}

/// Asserts that a good plugin on the same host still answers correctly.
pub(crate) fn neighbor_is_unharmed(host: &Host) {
    let plugin = Plugin::load(host, &assemble(&fixture("token")).unwrap()).unwrap();
    let check = Check::new(&plugin, CheckConfig { limits: patient(), ..CheckConfig::default() }).unwrap();
    let checks = [check];
    assert_eq!(run_auth_checks_blocking(&checks, &somebody(&[])), Decision::Allow);
    assert_eq!(run_auth_checks_blocking(&checks, &nobody()).into_result(), Ok(false));
}

/// Waits until a condition holds, and fails after two minutes.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(120), "not true after two minutes: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
