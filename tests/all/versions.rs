//! Versions of the contract: what a plugin was built against is what it gets, or it does not load.

use guardhouse::{CONTRACT_VERSIONS, ConfigError, LoadError, Outcome, blocking};
use serde_json::json;

use crate::harness::{Guest, fixture, somebody};

fn reads(interface: &str) -> Guest {
    let blanks =
        [("interface", interface), ("function", "claim"), ("pointer", "/sub"), ("length", "4"), ("times", "1")];
    Guest::with("claim", &blanks)
}

fn raw_token(interface: &str) -> Guest {
    Guest::with("raw-token", &[("interface", interface)])
}

/// Denies if it is told the claim, allows if it is not.
fn is_told_the_claim(guest: &Guest) -> bool {
    let mut context = somebody(&[]);
    context.token.as_mut().unwrap().claims = json!({ "sub": "mallory" }).into();
    match blocking::explain_auth_checks(&[guest.check()], &context).checks[0].outcome.clone() {
        Outcome::DeniedWithMessage(error) => error.message == r#""mallory""#,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plugin_of_this_version_is_told_what_it_asks_for() {
    assert_eq!(CONTRACT_VERSIONS, ["0.1.0"]);
    assert!(is_told_the_claim(&reads("guardhouse:auth/request@0.1.0")));
}

#[test]
fn an_import_of_a_later_version_does_not_load_or_is_told_the_same() {
    // A check that denies whoever has some claim must not be told that nobody has any.
    for version in ["0.1.1", "0.1.99", "0.2.0", "1.0.0"] {
        let guest = reads(&format!("guardhouse:auth/request@{version}"));
        match guest.load() {
            Err(error) => assert!(matches!(error, LoadError::UnknownImports { .. } | LoadError::Version { .. })),
            Ok(_) => assert!(is_told_the_claim(&guest), "{version}"),
        }
    }
}

#[test]
fn the_raw_token_needs_its_grant_in_every_version_that_loads() {
    for version in ["0.1.0", "0.1.1", "0.1.99", "0.2.0", "1.0.0"] {
        let guest = raw_token(&format!("guardhouse:auth/raw-token@{version}"));
        if guest.load().is_ok() {
            let result = guest.configure();
            assert!(matches!(result, Err(ConfigError::NotGranted { .. })), "{version}: {result:?}");
        }
    }
}

#[test]
fn a_plugin_of_another_version_says_which() {
    for version in ["0.0.9", "0.1.1", "0.2.0", "1.0.0"] {
        let text = fixture("allow").replace("(@include \"check\")", include_str!("../fixtures/include/check.wat"));
        let text = text.replace("guardhouse:auth/check@0.1.0", &format!("guardhouse:auth/check@{version}"));
        let result = Guest::from_text(version, &text).load();
        let expected = LoadError::Version { found: format!("check@{version}"), supported: "0.1.0".to_owned() };
        assert_eq!(result.unwrap_err(), expected);
    }
}

#[test]
fn optional_exports_of_another_version_are_never_taken_for_this_one() {
    let text = include_str!("../fixtures/include/step-up.wat").replace("step-up@0.1.0", "step-up@0.1.1");
    let text = fixture("step-up")
        .replace("(@include \"step-up\")", &text)
        .replace("(@check)", "(i32.const 32)")
        .replace("(@missing)", "(i32.const 64)");
    let error = Guest::from_text("step-up of 0.1.1", &text).load().unwrap_err();
    assert_eq!(error, LoadError::Version { found: "step-up@0.1.1".to_owned(), supported: "0.1.0".to_owned() });
}
