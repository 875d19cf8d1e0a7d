//! The requests and the checks that are measured.

use anyhow::{Context as _, Result, ensure};
use guardhouse::{
    AccessToken, AuthContext, Check, CheckConfig, Component, Host, ImagePolicy, Json, Limits, Plugin, StartMode,
    builtin, run_auth_checks_blocking,
};
use serde_json::{Value, json};

/// A request with two scopes and nothing else.
pub(crate) fn tiny() -> AuthContext {
    AuthContext::new(Component::tool("search")).with_token(AccessToken::new("client", ["read", "scope-17"]))
}

/// A request with twenty scopes, ten tags and a kilobyte of claims. The peers get the same request.
pub(crate) fn real() -> Result<AuthContext> {
    AuthContext::from_slice(include_bytes!("../../peers/context.json")).context("peers/context.json")
}

/// Settings of `require-scopes` with two scopes, which both requests have.
pub(crate) fn two_scopes() -> Value {
    json!({ "scopes": ["read", "scope-17"] })
}

/// Settings of `require-scopes` with `count` scopes, most of which no request has.
pub(crate) fn scopes(count: usize) -> Value {
    json!({ "scopes": (0..count).map(|n| format!("scope-{n}")).collect::<Vec<_>>() })
}

/// Settings of `require-scopes` with a subset of the scopes of the real request, different for each number.
pub(crate) fn some_scopes(number: usize) -> Value {
    let scopes = (0..19).filter(|bit| number >> bit & 1 == 1).map(|scope| format!("scope-{scope}"));
    json!({ "scopes": scopes.collect::<Vec<_>>() })
}

/// Numbers without an order, which are the same in every run: a linear congruential generator (Knuth's).
pub(crate) fn scattered() -> impl Iterator<Item = usize> {
    let next =
        |state: &usize| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(1_usize), next).skip(1).map(|state| state >> 33)
}

/// Settings with `count` regular expressions that do not match the requests, and one that does.
pub(crate) fn patterns(count: usize) -> Value {
    let others = (0..count).map(|n| format!(r"^(tenant|team)-{n}/[a-z]{{2,8}}_(read|write|list)\d*$"));
    json!({ "patterns": others.chain([r"^get_\w+$".to_owned()]).collect::<Vec<_>>() })
}

pub(crate) fn builtin_plugin(host: &Host, name: &str) -> Result<Plugin> {
    Ok(Plugin::load(host, builtin::bytes(name).context("the built-in plugin does not exist")?)?)
}

/// A check whose instances start from an image, or configure themselves, as the policy says.
pub(crate) fn check(plugin: &Plugin, settings: Value, image: ImagePolicy) -> Result<Check> {
    check_with(plugin, CheckConfig { image, settings: Some(Json::from(settings)), ..CheckConfig::default() })
}

pub(crate) fn check_with(plugin: &Plugin, config: CheckConfig) -> Result<Check> {
    let is_eager = config.image == ImagePolicy::Eager;
    let check = Check::new(plugin, config)?;
    ensure!((check.start_mode() == StartMode::Image) == is_eager, "{:?}", check.start_mode());
    Ok(check)
}

/// A check whose instances start from an image when they are needed, and never before, so that all of an evaluation
/// happens on the thread that decides.
pub(crate) fn alone(plugin: &Plugin) -> Result<Check> {
    let limits = Limits { standby: Some(0), ..Limits::default() };
    check_with(plugin, CheckConfig { limits, image: ImagePolicy::Eager, ..CheckConfig::from(two_scopes()) })
}

/// Makes a decision, which must allow.
pub(crate) fn allows(check: &Check, context: &AuthContext) {
    let decision = run_auth_checks_blocking(&[check], context);
    assert!(decision.is_allow(), "{decision:?}");
}

/// Makes a decision, which must deny.
pub(crate) fn denies(check: &Check, context: &AuthContext) {
    let decision = run_auth_checks_blocking(&[check], context);
    assert!(!decision.is_allow());
}
