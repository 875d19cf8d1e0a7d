//! The record of a decision: rule S8.

use std::collections::BTreeSet;
use std::time::Instant;

use guardhouse::{AuthCheck, AuthChecks, Check, CheckConfig, Decision, Digest, native, run_auth_checks_blocking};
use guardhouse_tests::events::{self, Event};
use serde_json::json;
use tracing::Level;

use crate::harness::{Guest, builtin, nobody, patient, somebody};

fn record(events: &[Event]) -> &Event {
    let records = events::decisions(events);
    assert_eq!(records.len(), 1, "{events:?}");
    assert_eq!(records[0].level, Level::INFO);
    records[0]
}

fn scopes_check() -> Check {
    let plugin = builtin("require-scopes");
    let config = CheckConfig {
        id: Some("needs read".to_owned()),
        tenant: Some(plugin.host().tenant("acme")),
        settings: Some(json!({ "scopes": ["read"] }).into()),
        limits: patient(),
        ..CheckConfig::default()
    };
    Check::new(plugin, config).unwrap()
}

#[test]
fn s8_the_record_of_a_denial_has_all_its_inputs() {
    let checks: Vec<Box<dyn AuthCheck>> = vec![Box::new(native::from_fn("yes", |_| true)), Box::new(scopes_check())];
    let (report, events) = events::capture(|| AuthChecks::new(&checks).explain_blocking(&somebody(&[])));
    let record = record(&events);
    let plugin = Digest::of(guardhouse::builtin::bytes("require-scopes").unwrap());
    let settings = Digest::of(r#"{"scopes":["read"]}"#);
    let Decision::Deny(denial) = &report.decision else { panic!("allowed") };
    assert_eq!(record.field("decision"), denial.id.to_string());
    assert_eq!(record.field("allow"), "false");
    assert_eq!(record.field("checks"), "2");
    assert_eq!(record.field("decided_by"), "needs read");
    assert_eq!(record.field("outcome"), "denied");
    assert_eq!(record.field("tenant"), "acme");
    assert_eq!(record.field("plugins"), format!("[None, Some({plugin})]"));
    assert_eq!(record.field("settings"), format!("[None, Some({settings})]"));
    assert_eq!(record.field("fuel"), report.checks[1].evaluation.usage.fuel.to_string());
    assert!(report.checks[1].evaluation.usage.fuel > 0);
    assert_eq!(record.field("elapsed_us"), report.elapsed.as_micros().to_string());
}

#[test]
fn s8_each_kind_of_outcome_has_its_word() {
    let outcomes: [(&str, Guest); 4] = [
        ("allow", Guest::new("allow")),
        ("denied", Guest::new("deny")),
        ("denied-with-message", Guest::with("long-message", &[("length", "1")])),
        ("failed", Guest::new("unreachable")),
    ];
    for (word, guest) in outcomes {
        let (_, events) = events::capture(|| run_auth_checks_blocking(&[guest.check()], &nobody()));
        assert_eq!(record(&events).field("outcome"), word);
        assert_eq!(record(&events).field("allow"), (word == "allow").to_string());
    }
}

#[test]
fn s8_an_allowed_decision_and_an_empty_list_are_recorded() {
    let (report, events) =
        events::capture(|| AuthChecks::new(&[scopes_check()]).explain_blocking(&somebody(&["read"])));
    assert_eq!(record(&events).field("decision"), report.id.to_string());
    assert_eq!(record(&events).field("decided_by"), "");
    assert_eq!(record(&events).field("tenant"), "acme");
    let none: [Check; 0] = [];
    let (report, events) = events::capture(|| AuthChecks::new(&none).explain_blocking(&nobody()));
    assert_eq!(record(&events).field("decision"), report.id.to_string());
    assert_eq!(record(&events).field("checks"), "0");
}

#[test]
fn s8_a_decision_that_names_missing_scopes_is_recorded() {
    let (report, events) =
        events::capture(|| AuthChecks::new(&[scopes_check()]).name_missing_scopes().explain_blocking(&somebody(&[])));
    assert_eq!(record(&events).field("decision"), report.id.to_string());
    assert_eq!(record(&events).field("decided_by"), "needs read");
}

#[test]
fn s8_records_and_warnings_do_not_contain_the_token_or_the_message() {
    let mut context = somebody(&["scope-of-the-caller"]);
    let token = context.token.as_mut().unwrap();
    token.raw = Some(guardhouse::RawToken::new("bearer-secret"));
    token.claims = json!({ "ssn": "078-05-1120" }).into();
    let says = native::from_fn("says", |_| Err::<bool, _>(guardhouse::AuthorizationError::new("for the caller")));
    let checks: Vec<Box<dyn AuthCheck>> = vec![Box::new(Guest::new("allow").check()), Box::new(says)];
    let (_, events) = events::capture(|| {
        let denied = run_auth_checks_blocking(&checks, &context);
        let failed = run_auth_checks_blocking(&[Guest::new("unreachable").check()], &context);
        (denied, failed)
    });
    let text = format!("{events:?}");
    for secret in ["bearer-secret", "078-05-1120", "for the caller", "scope-of-the-caller"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(!format!("{context:?}").contains("bearer-secret"));
    assert!(!serde_json::to_string(&context).unwrap().contains("bearer-secret"));
}

#[test]
fn s8_the_digest_is_the_name_of_a_check_without_one() {
    let check = Guest::new("allow").check();
    assert_eq!(check.id(), check.plugin().digest().to_string());
    assert_eq!(check.identity().plugin, Some(check.plugin().digest()));
}

#[test]
fn s8_the_digest_of_settings_does_not_depend_on_the_order_of_members() {
    let plugin = builtin("restrict-tag");
    let digest = |text: &str| {
        let settings = Some(guardhouse::Json::from_slice(text.as_bytes()).unwrap());
        Check::new(plugin, CheckConfig { settings, ..CheckConfig::default() }).unwrap().identity().settings
    };
    let digests: BTreeSet<_> = [
        r#"{"tag": "a", "scopes": []}"#,
        r#"{"scopes":[],"tag":"a"}"#,
        " {\n\"scopes\" : [ ] , \"tag\" : \"\\u0061\" } ",
    ]
    .map(digest)
    .into();
    assert_eq!(digests.len(), 1);
    assert_ne!(digest(r#"{"tag": "b", "scopes": []}"#), digests.into_iter().next().unwrap());
}

#[test]
fn s4_a_check_that_fails_at_every_request_does_not_fill_the_log() {
    let check = Guest::with("stdout-flood", &[("length", "4096")]).id("flood").check();
    let start = Instant::now();
    let (denied, events) =
        events::capture(|| (0..200).filter(|_| !run_auth_checks_blocking(&[&check], &nobody()).is_allow()).count());
    let intervals = 1 + usize::try_from(start.elapsed().as_secs()).unwrap();
    assert_eq!(denied, 200);
    // The record of each decision is there, with its cause.
    let records = events::decisions(&events);
    assert_eq!(records.len(), 200);
    assert!(records.iter().all(|record| record.field("outcome") == "failed" && !record.field("cause").is_empty()));
    let warnings = events::faults(&events);
    println!("{} warnings in {intervals} intervals; the first: {:?}", warnings.len(), warnings[0]);
    assert!((10..=10 * intervals).contains(&warnings.len()), "{}", warnings.len());
    for warning in &warnings {
        let bytes: usize = warning.fields.values().map(String::len).sum();
        assert!(bytes < 16 << 10, "{bytes} bytes");
        assert!(warning.field("log_bytes_left_out").parse::<usize>().unwrap() > 0);
    }
    let left_out: usize =
        warnings.iter().map(|warning| warning.field("warnings_left_out").parse::<usize>().unwrap()).sum();
    assert!(warnings.len() + left_out <= 200);
}
