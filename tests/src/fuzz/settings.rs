//! Settings and their schemas.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use guardhouse::{AuthContext, Check, CheckConfig, Component, Host, Json, Outcome, Plugin, builtin as builtins};
use serde_json::Value;

use super::input::Input;
use super::strict::is_strict;
use super::{ask, builtin, host, patient, text_of};
use crate::guest::{assemble, filled, literal};

/// The first byte names the plugin whose settings follow: a built-in plugin, a plugin that accepts any settings, or a
/// plugin whose schema precedes the settings and ends with a zero byte.
///
/// A document is rejected with a short message, or it is unambiguous. A plugin reads exactly the settings that it was
/// given, and a built-in plugin does not fail with any settings that it accepted.
pub fn settings(bytes: &[u8]) {
    let mut input = Input(bytes);
    let which = usize::from(input.byte()) % 8;
    let plugins = Plugins::get();
    let Some(plugin) = plugins.builtins.get(which) else {
        if which == 6 {
            return echoes(&plugins.anything, input.0);
        }
        let mut parts = input.0.splitn(2, |byte| *byte == 0);
        let (schema, settings) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let Some(plugin) = plugins.with_schema(schema) {
            echoes(&plugin, settings);
        }
        return;
    };
    let Some(document) = read(input.0) else { return };
    match Check::new(plugin, config(document)) {
        Ok(check) => assert!(!matches!(ask(&check, &nobody()).checks[0].evaluation.outcome, Outcome::Failed(_))),
        Err(error) => drop(text_of(&error)),
    }
}

/// Checks a plugin that denies with its settings as the message.
fn echoes(plugin: &Plugin, settings: &[u8]) {
    let Some(document) = read(settings) else { return };
    let check = match Check::new(plugin, config(document.clone())) {
        Ok(check) => check,
        Err(error) => return drop(text_of(&error)),
    };
    let Outcome::DeniedWithMessage(error) = &ask(&check, &nobody()).checks[0].evaluation.outcome else {
        panic!("did not answer")
    };
    let expected = if document.is_null() { Json::default() } else { document };
    assert_eq!(Json::from_slice(error.message.as_bytes()).unwrap(), expected);
}

/// An unambiguous document; `None` if it is rejected.
fn read(text: &[u8]) -> Option<Json> {
    match (Json::from_slice(text), serde_json::from_slice::<Value>(text)) {
        (Ok(found), Ok(expected)) => {
            assert_eq!(*found, expected);
            assert!(is_strict(str::from_utf8(text).unwrap(), &expected), "{expected}");
            Some(found)
        }
        (Err(error), tolerant) => {
            let reason = text_of(&error);
            if let Ok(tolerant) = tolerant {
                assert!(!is_strict(str::from_utf8(text).unwrap(), &tolerant), "{reason}");
            }
            None
        }
        (Ok(found), Err(error)) => panic!("{found:?}, but {error}"),
    }
}

fn config(settings: Json) -> CheckConfig {
    CheckConfig { settings: Some(settings), limits: patient(), ..CheckConfig::default() }
}

fn nobody() -> AuthContext {
    AuthContext::new(Component::tool("t")).at(1_700_000_000)
}

struct Plugins {
    host: Host,
    builtins: Vec<Plugin>,
    anything: Plugin,
    /// Plugins with the schemas of recent inputs, which need not be compiled again.
    recent: Mutex<HashMap<Vec<u8>, Option<Plugin>>>,
}

impl Plugins {
    fn get() -> &'static Self {
        static PLUGINS: OnceLock<Plugins> = OnceLock::new();
        PLUGINS.get_or_init(|| {
            let host = host();
            let builtins = builtins::ALL.iter().map(|found| builtin(&host, found.name)).collect();
            let anything = load(&host, b"true").unwrap();
            Self { host, builtins, anything, recent: Mutex::default() }
        })
    }

    /// The plugin with a schema; `None` if the schema is rejected.
    fn with_schema(&self, schema: &[u8]) -> Option<Plugin> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == 2_000 {
            recent.clear();
        }
        recent.entry(schema.to_vec()).or_insert_with(|| load(&self.host, schema)).clone()
    }
}

fn load(host: &Host, schema: &[u8]) -> Option<Plugin> {
    let blanks = [("schema", &*literal(schema)), ("length", &schema.len().to_string())];
    let text = filled(include_str!("../../fixtures/settings.wat"), &blanks);
    match Plugin::load(host, &assemble(&text).unwrap()) {
        Ok(plugin) => {
            assert_eq!(*plugin.settings_schema().unwrap(), read(schema).unwrap());
            Some(plugin)
        }
        Err(error) => {
            text_of(&error);
            None
        }
    }
}
