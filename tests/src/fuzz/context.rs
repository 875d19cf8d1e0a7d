//! Requests as JSON.

use std::sync::OnceLock;

use guardhouse::{AuthCheck, AuthContext, Check, CheckConfig, Host, Outcome, Plugin, native};
use serde_json::{Value, json};

use super::{ask, builtin, host, patient, text_of};

/// A document is rejected with a short message, or it is a request. A request is the same after writing and reading it,
/// and native checks agree with the equivalent plugins about it.
pub fn context(bytes: &[u8]) {
    let context = match AuthContext::from_slice(bytes) {
        Ok(context) => context,
        Err(error) => return drop(text_of(&error)),
    };
    serde_json::from_slice::<Value>(bytes).unwrap();

    let written = serde_json::to_vec(&context).unwrap();
    let mut expected = context.clone();
    if let Some(token) = &mut expected.token {
        // The secret is never written.
        token.raw = None;
    }
    assert_eq!(AuthContext::from_slice(&written).unwrap(), expected);

    let held = context.token.as_ref().map_or_else(Vec::new, |token| token.scopes.clone());
    let more = [&*held, &["more".to_owned()]].concat();
    let tag = context.component.tags.first().map_or("t", String::as_str);
    let plugins = Plugins::get();
    for scopes in [&held, &more] {
        let settings = json!({ "scopes": scopes });
        agree(&check(&plugins.require_scopes, settings), &native::require_scopes(scopes), &context);
        let settings = json!({ "tag": tag, "scopes": scopes });
        agree(&check(&plugins.restrict_tag, settings), &native::restrict_tag(tag, scopes), &context);
    }
}

struct Plugins {
    require_scopes: Plugin,
    restrict_tag: Plugin,
}

impl Plugins {
    fn get() -> &'static Self {
        static PLUGINS: OnceLock<Plugins> = OnceLock::new();
        let load = |host: &Host| Self {
            require_scopes: builtin(host, "require-scopes"),
            restrict_tag: builtin(host, "restrict-tag"),
        };
        PLUGINS.get_or_init(|| load(&host()))
    }
}

fn check(plugin: &Plugin, settings: Value) -> Check {
    let config = CheckConfig { settings: Some(settings.into()), limits: patient(), ..CheckConfig::default() };
    Check::new(plugin, config).unwrap()
}

fn agree(plugin: &dyn AuthCheck, native: &dyn AuthCheck, context: &AuthContext) {
    let [found, expected] = [plugin, native].map(|check| ask(check, context));
    assert_eq!(found.decision.is_allow(), expected.decision.is_allow());
    let [found, expected] = [found, expected].map(|report| report.checks.into_iter().next().unwrap());
    assert!(matches!(expected.evaluation.outcome, Outcome::Allow | Outcome::Denied));
    assert_eq!(
        (found.evaluation.outcome, found.evaluation.missing_scopes),
        (expected.evaluation.outcome, expected.evaluation.missing_scopes)
    );
}
