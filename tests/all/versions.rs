//! Versions of the contract: a plugin gets the version that it was built for, or it does not load.

use guardhouse::{AuthChecks, CONTRACT_VERSIONS, ConfigError, LoadError, Outcome};
use guardhouse_tests::guest::{filled, replaced};
use serde_json::json;

use crate::harness::{Guest, claiming, fixture};

fn reads(interface: &str) -> Guest {
    let blanks =
        [("interface", interface), ("function", "claim"), ("pointer", "/sub"), ("length", "4"), ("times", "1")];
    Guest::with("claim", &blanks)
}

fn raw_token(interface: &str) -> Guest {
    Guest::with("raw-token", &[("interface", interface)])
}

/// Returns `true` if the plugin gets the claim, with which it denies.
fn gets_the_claim(guest: &Guest) -> bool {
    let context = claiming(json!({ "sub": "mallory" }));
    match AuthChecks::new(&[guest.check()]).explain_blocking(&context).checks[0].evaluation.outcome.clone() {
        Outcome::DeniedWithMessage(error) => error.message == r#""mallory""#,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plugin_for_this_version_gets_the_claim_that_it_reads() {
    assert_eq!(CONTRACT_VERSIONS, ["0.1.0"]);
    assert!(gets_the_claim(&reads("guardhouse:auth/request@0.1.0")));
}

#[test]
fn a_plugin_for_a_later_version_does_not_load_or_gets_the_claim_too() {
    // A check that denies for a claim must not miss the claim because of a version.
    for version in ["0.1.1", "0.1.99", "0.2.0", "1.0.0"] {
        let guest = reads(&format!("guardhouse:auth/request@{version}"));
        match guest.load() {
            Err(error) => assert!(matches!(error, LoadError::UnknownImports { .. } | LoadError::Version { .. })),
            Ok(_) => assert!(gets_the_claim(&guest), "{version}"),
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
fn the_error_for_a_plugin_of_another_version_names_the_version() {
    let check = include_str!("../fixtures/include/check.wat");
    for version in ["0.0.9", "0.1.1", "0.2.0", "1.0.0"] {
        let check = replaced(check, "guardhouse:auth/check@0.1.0", &format!("guardhouse:auth/check@{version}"));
        let text = replaced(&fixture("allow"), "(@include \"check\")", &check);
        let result = Guest::from_text(version, &text).load();
        assert_names_version(&result.unwrap_err(), &format!("check@{version}"));
    }
}

#[test]
fn optional_exports_of_another_version_are_not_accepted_as_this_version() {
    let step_up = replaced(include_str!("../fixtures/include/step-up.wat"), "step-up@0.1.0", "step-up@0.1.1");
    let text = replaced(&fixture("step-up"), "(@include \"step-up\")", &step_up);
    let text = filled(&text, &[("check", "(i32.const 32)"), ("missing", "(i32.const 64)")]);
    let error = Guest::from_text("step-up of 0.1.1", &text).load().unwrap_err();
    assert_names_version(&error, "step-up@0.1.1");
}

fn assert_names_version(error: &LoadError, expected: &str) {
    let LoadError::Version { found, supported, .. } = error else { panic!("{error}") };
    assert_eq!((found.as_str(), supported.as_str()), (expected, "0.1.0"));
}
