//! A plugin that answers with arbitrary bits.

use std::sync::OnceLock;

use guardhouse::{
    AccessToken, AuthContext, Check, CheckConfig, Component, ConfigError, Decision, ImagePolicy, Limits, Outcome,
    Plugin,
};
use serde_json::Value as Json;

use super::input::Input;
use super::model::{Instance, Value};
use super::script::Script;
use super::{ask, host, patient, text_of};
use crate::guest::assemble;

/// The caps on an answer and on a message in bytes, small enough that inputs exceed both.
const ANSWER_BYTES: usize = 1_000;
const MESSAGE_BYTES: usize = 64;

/// The answer of a plugin that answers with the bits of the input is accepted exactly if the bits are a valid answer.
pub fn result(bytes: &[u8]) {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    let text = include_str!("../../fixtures/script.wat");
    let plugin = PLUGIN.get_or_init(|| Plugin::load(&host(), &assemble(text).unwrap()).unwrap());

    let script = Script::read(&mut Input(bytes));
    let context = somebody();
    let values = values(&context);
    let mut instance = Instance::new(&script, ANSWER_BYTES);

    let config = CheckConfig {
        settings: Some(Json::from(script.settings()).into()),
        limits: Limits { host_call_bytes: ANSWER_BYTES, message_bytes: MESSAGE_BYTES, ..patient() },
        image: ImagePolicy::Never,
        ..CheckConfig::default()
    };
    let check = match (Check::new(plugin, config), instance.configure()) {
        (Ok(check), Ok(Ok(()))) => check,
        (Err(ConfigError::Rejected(found)), Ok(Err(expected))) => return assert_eq!(found, expected),
        (Err(ConfigError::Fault(fault)), Err(_)) => return drop(text_of(&fault)),
        (found, expected) => panic!("{found:?} instead of {expected:?}: {script:?}"),
    };

    let expected = instance.check(&values).and_then(|answer| match answer {
        Ok(false) => instance.missing_scopes(&values).map(|named| (Ok(false), named)),
        answer => Ok((answer, Vec::new())),
    });
    let expected = expected.ok().filter(|(answer, named)| {
        let message = answer.as_ref().err().map_or(0, String::len);
        message.max(named.iter().map(String::len).sum()) <= MESSAGE_BYTES
            && named.iter().all(|scope| is_named(scope, &script))
    });

    let report = ask(&check, &context);
    let found = &report.checks[0];
    match (&found.evaluation.outcome, expected) {
        (Outcome::Allow, Some((Ok(true), _))) => assert_eq!(report.decision, Decision::Allow),
        (Outcome::Denied, Some((Ok(false), named))) => {
            let Decision::Deny(denial) = report.decision else { panic!("allowed") };
            assert_eq!(denial.message, None);
            assert_eq!(denial.missing_scopes, expected_scopes(named, &context));
        }
        (Outcome::DeniedWithMessage(error), Some((Err(message), _))) => {
            let Decision::Deny(denial) = report.decision else { panic!("allowed") };
            assert_eq!(error.message, message);
            assert_eq!(denial.message, Some(message));
            assert!(denial.missing_scopes.is_empty());
        }
        (Outcome::Failed(fault), None) => {
            let Decision::Deny(denial) = report.decision else { panic!("allowed") };
            assert_eq!(denial.message, None);
            assert!(denial.missing_scopes.is_empty());
            text_of(fault);
            text_of(&fault.backtrace.as_deref().unwrap_or("none"));
        }
        (found, expected) => panic!("{found:?} instead of {expected:?}: {script:?}"),
    }
}

fn somebody() -> AuthContext {
    AuthContext::new(Component::tool("t").with_tags(["x"]))
        .with_action("tools/call")
        .at(1_700_000_000)
        .with_token(AccessToken::new("client", ["a", "held"]))
}

/// The values for which the host asks the plugin's allocator for memory when it passes the context.
fn values(context: &AuthContext) -> Vec<Value> {
    let (token, component) = (context.token.as_ref().unwrap(), &context.component);
    let mut values = vec![Value::context(), Value::string(&token.client_id)];
    values.extend(Value::strings(&token.scopes));
    values.extend([Value::string(&component.kind), Value::string(&component.name)]);
    values.extend(Value::strings(&component.tags));
    values.push(Value::string(&context.action));
    values
}

/// Rule U5: a scope token, or a text of the settings.
fn is_named(scope: &str, script: &Script) -> bool {
    let is_token = !scope.is_empty() && scope.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
    is_token || texts(&Json::from(script.settings())).contains(&scope)
}

fn texts(value: &Json) -> Vec<&str> {
    match value {
        Json::String(text) => vec![text],
        Json::Array(values) => values.iter().flat_map(texts).collect(),
        Json::Object(members) => members.values().flat_map(texts).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => Vec::new(),
    }
}

/// Rule U2: sorted, without duplicates, and without scopes that the token has.
fn expected_scopes(mut named: Vec<String>, context: &AuthContext) -> Vec<String> {
    named.sort();
    named.dedup();
    named.retain(|scope| !context.token.as_ref().unwrap().has_scope(scope));
    named
}
