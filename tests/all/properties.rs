//! Properties that hold for any context, settings or file. The cases are the same on every run.

use guardhouse::{
    AccessToken, AuthCheck, AuthChecks, AuthContext, Check, CheckConfig, Component, Decision, Json, Plugin,
    builtin as builtins, native, run_auth_checks_blocking,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed};
use serde_json::{Map, Value, json};

use crate::harness::{builtin, host, patient};

/// This many cases of a property, the same on every run.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(0x9a7d_0e55),
        ..Config::default()
    }
}

/// Few distinct texts, so that scopes and tags often match, and some arbitrary texts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["", "a", "b", "A", "a ", "read", "read:all", "\u{e9}", "e\u{301}"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e15..1e15).prop_map(|number: f64| Value::from(number + 0.5)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// A document that is an object.
fn object() -> impl Strategy<Value = Json> {
    vec((text(), value()), 0..4).prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>()).into())
}

prop_compose! {
    fn token()(
        client_id in text(),
        subject in prop::option::of(text()),
        scopes in vec(text(), 0..6),
        expires_at in any::<Option<i64>>(),
        resource_indicator in prop::option::of(text()),
        claims in object(),
    ) -> AccessToken {
        let mut token = AccessToken::new(client_id, scopes).with_claims(claims);
        (token.subject, token.expires_at, token.resource_indicator) = (subject, expires_at, resource_indicator);
        token
    }
}

prop_compose! {
    pub(crate) fn context()(
        token in prop::option::of(token()),
        kind in text(),
        name in text(),
        uri in prop::option::of(text()),
        version in prop::option::of(text()),
        tags in vec(text(), 0..5),
        detail in object(),
        action in text(),
        now in any::<i64>(),
        arguments in prop::option::of(value().prop_filter("null is none", |value| !value.is_null())),
        attributes in object(),
    ) -> AuthContext {
        let mut component = Component::new(kind, name).with_tags(tags).with_detail(detail);
        (component.uri, component.version) = (uri, version);
        let mut context = AuthContext::new(component).with_action(action).with_attributes(attributes).at(now);
        (context.token, context.arguments) = (token, arguments.map(Json::from));
        context
    }
}

fn plugin(name: &str, settings: Value) -> Check {
    let config = CheckConfig { settings: Some(settings.into()), limits: patient(), ..CheckConfig::default() };
    Check::new(builtin(name), config).unwrap()
}

/// Both engines' answers, without the ids.
fn answers(check: &dyn AuthCheck, context: &AuthContext) -> (bool, Vec<String>) {
    let plain = run_auth_checks_blocking(&[check], context);
    let missing = match AuthChecks::new(&[check]).name_missing_scopes().explain_blocking(context).decision {
        Decision::Allow => Vec::new(),
        Decision::Deny(denial) => {
            assert_eq!(denial.message, None);
            denial.missing_scopes
        }
    };
    (plain.is_allow(), missing)
}

proptest! {
    #![proptest_config(cases(300))]

    /// Rules B2, B5 and U2.
    #[test]
    fn require_scopes_answers_the_same_as_a_plugin_and_as_a_native_check(
        scopes in vec(text(), 0..5), context in context()
    ) {
        let wasm = plugin("require-scopes", json!({ "scopes": scopes }));
        let expected = context.token.as_ref().is_some_and(|token| scopes.iter().all(|scope| token.has_scope(scope)));
        let native = native::require_scopes(scopes);
        prop_assert_eq!(answers(&wasm, &context), answers(&native, &context));
        prop_assert_eq!(answers(&wasm, &context).0, expected);
    }

    /// Rules B3, B5 and U2.
    #[test]
    fn restrict_tag_answers_the_same_as_a_plugin_and_as_a_native_check(
        tag in text(), scopes in vec(text(), 0..3), context in context()
    ) {
        let wasm = plugin("restrict-tag", json!({ "tag": tag, "scopes": scopes }));
        let native = native::restrict_tag(tag, scopes);
        prop_assert_eq!(answers(&wasm, &context), answers(&native, &context));
    }

    /// Rule B4.
    #[test]
    fn require_roles_answers_the_same_as_a_plugin_and_as_a_native_check(
        roles in vec(text(), 1..3),
        held in prop_oneof![value(), vec(text(), 0..6).prop_map(Value::from), text().prop_map(Value::from)],
        mut context in context()
    ) {
        if let Some(token) = &mut context.token {
            token.claims = json!({ "roles": held }).into();
        }
        let wasm = plugin("require-roles", json!({ "roles": roles, "claim": "/roles" }));
        let native = native::require_roles(roles, "/roles").unwrap();
        prop_assert_eq!(answers(&wasm, &context), answers(&native, &context));
    }

    #[test]
    fn a_context_is_the_same_after_writing_and_reading(context in context()) {
        let text = serde_json::to_vec(&context).unwrap();
        prop_assert_eq!(AuthContext::from_slice(&text).unwrap(), context.clone());
        let pretty = serde_json::to_vec_pretty(&context).unwrap();
        prop_assert_eq!(AuthContext::from_slice(&pretty).unwrap(), context);
    }

    #[test]
    fn a_context_with_changed_bytes_is_read_or_rejected(
        context in context(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut text = serde_json::to_vec(&context).unwrap();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if let Err(error) = AuthContext::from_slice(&text) {
            prop_assert!(!error.reason().is_empty());
        }
    }

    #[test]
    fn a_context_with_an_unknown_member_is_rejected(
        context in context(), name in "[a-z_]{1,12}", member in value()
    ) {
        let mut document = serde_json::to_value(&context).unwrap();
        for pointer in ["", "/component", "/token"] {
            let Some(Value::Object(object)) = document.pointer_mut(pointer) else { continue };
            if object.contains_key(&name) || KNOWN.contains(&&*name) {
                continue;
            }
            object.insert(name.clone(), member.clone());
            prop_assert!(AuthContext::from_slice(document.to_string().as_bytes()).is_err());
            document.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap().remove(&name);
        }
    }

    #[test]
    fn random_bytes_are_read_or_rejected(bytes in vec(any::<u8>(), 0..200)) {
        let _ = AuthContext::from_slice(&bytes);
        let _ = Json::from_slice(&bytes);
    }

    #[test]
    fn random_values_are_read_or_rejected_as_contexts(value in value()) {
        let _ = AuthContext::from_slice(value.to_string().as_bytes());
    }
}

/// Optional members, which may be missing in a document.
const KNOWN: &[&str] = &["token", "arguments", "subject", "expires_at", "resource_indicator", "raw", "uri", "version"];

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn random_bytes_do_not_load(bytes in vec(any::<u8>(), 0..500), header in any::<bool>()) {
        let bytes = if header { [b"\0asm\x0d\0\x01\0", &bytes[..]].concat() } else { bytes };
        prop_assert!(Plugin::load(host(), &bytes).is_err());
    }

    /// A changed plugin may even allow, but its digest differs from that of the original.
    #[test]
    fn a_changed_built_in_does_not_load_or_has_another_digest(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let original = builtins::bytes("require-auth").unwrap();
        let mut bytes = original.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assume!(bytes != original);
        if let Ok(plugin) = Plugin::load(host(), &bytes) {
            prop_assert_ne!(plugin.digest(), builtin("require-auth").digest());
            if let Ok(check) = Check::new(&plugin, CheckConfig { limits: patient(), ..CheckConfig::default() }) {
                let context = AuthContext::new(Component::tool("t"));
                let _ = run_auth_checks_blocking(&[check], &context).is_allow();
            }
        }
    }

    #[test]
    fn random_settings_are_accepted_or_rejected(settings in value()) {
        for builtins::Builtin { name, .. } in builtins::ALL {
            let settings = Some(Json::from(settings.clone()));
            let _ = Check::new(builtin(name), CheckConfig { settings, ..CheckConfig::default() });
        }
    }
}
