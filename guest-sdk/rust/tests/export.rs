//! The exports of a check, called like the host calls them.

use guardhouse_sdk::bindings::check::exports::guardhouse::auth::check::Guest as CheckExport;
use guardhouse_sdk::bindings::guardhouse::auth::types;
use guardhouse_sdk::bindings::settings::exports::guardhouse::auth::settings::Guest as SettingsExport;
use guardhouse_sdk::bindings::step_up::exports::guardhouse::auth::step_up::Guest as StepUpExport;
use guardhouse_sdk::{AuthContext, AuthorizationError, Check, StepUp};

/// Has a name.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

impl Check for Named {
    fn check(&self, ctx: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(ctx.component().name == self.name)
    }

    fn validate(&self) -> Result<(), String> {
        if self.name.is_empty() { Err("`name` is empty".to_owned()) } else { Ok(()) }
    }
}

impl StepUp for Named {
    fn missing_scopes(&self, _: &AuthContext) -> Vec<String> {
        vec![self.name.clone()]
    }
}

guardhouse_sdk::export!(Named with settings, step_up);

#[derive(Debug, Default)]
struct Always;

impl Check for Always {
    fn check(&self, _: &AuthContext) -> Result<bool, AuthorizationError> {
        Ok(true)
    }
}

guardhouse_sdk::export!(Always);

fn context(name: &str) -> types::AuthContext {
    let name = name.to_owned();
    let component = types::Component { kind: "tool".to_owned(), name, uri: None, version: None, tags: Vec::new() };
    types::AuthContext { token: None, component, action: "tools/call".to_owned(), now: 0 }
}

#[test]
fn a_check_without_settings_is_the_default() {
    assert_eq!(<Always as CheckExport>::check(context("a")), Ok(true));
}

#[test]
fn settings_become_the_check() {
    assert_eq!(Named::configure(r#"{"name": "a"}"#.to_owned()), Ok(()));
    assert_eq!(<Named as CheckExport>::check(context("a")), Ok(true));
    assert_eq!(<Named as CheckExport>::check(context("b")), Ok(false));
    assert_eq!(<Named as StepUpExport>::missing_scopes(context("b")), ["a"]);
}

#[test]
fn settings_of_another_type_are_rejected() {
    for settings in ["", "{}", r#"{"name": 1}"#, r#"{"name": "a", "names": "b"}"#] {
        assert!(Named::configure(settings.to_owned()).is_err(), "{settings}");
    }
}

#[test]
fn settings_that_make_no_sense_are_rejected() {
    assert_eq!(Named::configure(r#"{"name": ""}"#.to_owned()), Err("`name` is empty".to_owned()));
}

#[test]
fn settings_are_given_once() {
    assert_eq!(Named::configure(r#"{"name": "a"}"#.to_owned()), Ok(()));
    assert!(Named::configure(r#"{"name": "b"}"#.to_owned()).is_err());
    assert_eq!(<Named as CheckExport>::check(context("a")), Ok(true));
}

#[test]
#[should_panic(expected = "before it was configured")]
fn a_check_before_its_settings_is_a_fault() {
    let _ = <Named as CheckExport>::check(context("a"));
}

#[test]
fn the_schema_follows_from_the_type() {
    let schema: serde_json::Value = serde_json::from_str(&<Named as SettingsExport>::schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["description"], "Has a name.");
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    assert_eq!(schema["additionalProperties"], false);
}
