//! The JSON form of reports and of their parts.

use guardhouse::{
    AuthCheck, AuthChecks, Cause, Decision, Evaluation, Fault, Json, LogLine, Outcome, StartMode, native,
};
use serde_json::{Value, json};

use crate::harness::{Guest, nobody, somebody};

/// The JSON form of a report, without the parts that differ from run to run.
fn report(checks: &[Box<dyn AuthCheck>]) -> Value {
    let report = AuthChecks::new(checks).name_missing_scopes().explain_blocking(&somebody(&["a"]));
    // The reader rejects a document in which two fields have the same name.
    let document = Json::from_slice(&serde_json::to_vec(&report).unwrap()).unwrap();
    let mut document = Value::clone(&document);
    assert_eq!(document["id"], report.id.to_string());
    assert!(document["elapsed_us"].is_u64());
    for check in document["checks"].as_array_mut().unwrap() {
        for measured in ["elapsed_us", "cpu_time_us", "fuel", "memory_bytes"] {
            assert!(check[measured].is_u64(), "{check}");
            check.as_object_mut().unwrap().remove(measured);
        }
    }
    document.as_object_mut().unwrap().retain(|name, _| !["id", "elapsed_us"].contains(&name.as_str()));
    document
}

#[test]
fn an_allow_has_no_denial() {
    assert_eq!(
        report(&[native::require_auth()]),
        json!({
            "decision": "allow", "decided_by": null,
            "checks": [{ "id": "require-auth", "plugin": null, "outcome": "allow", "logs": [] }],
        })
    );
}

#[test]
fn missing_scopes_and_messages_stand_in_the_denial_and_in_their_check() {
    assert_eq!(
        report(&[native::require_scopes(["a", "b"])]),
        json!({
            "decision": "deny", "missing_scopes": ["b"], "decided_by": 0,
            "checks": [
                { "id": "require-scopes", "plugin": null, "outcome": "denied", "missing_scopes": ["b"], "logs": [] }
            ],
        })
    );
    let closed = native::from_fn("closed", |_| Err::<bool, _>(guardhouse::AuthorizationError::new("closed")));
    assert_eq!(
        report(&[Box::new(closed)]),
        json!({
            "decision": "deny", "message": "closed", "decided_by": 0,
            "checks": [
                { "id": "closed", "plugin": null, "outcome": "denied-with-message", "message": "closed", "logs": [] }
            ],
        })
    );
}

#[test]
fn a_fault_stands_only_in_its_check() {
    let guest = Guest::new("unreachable");
    let document = report(&[Box::new(guest.tenant("acme").check())]);
    assert_eq!((&document["decision"], document.get("message")), (&json!("deny"), None));
    let check = &document["checks"][0];
    assert_eq!(
        (&check["outcome"], &check["cause"], &check["tenant"]),
        (&json!("failed"), &json!("trap"), &json!("acme"))
    );
    assert_eq!(check["plugin"], check["id"], "without a name, the id is the digest of the plugin");
    assert!(check["detail"].is_string() && check["backtrace"].is_string(), "{check}");
}

#[test]
fn the_caller_s_view_is_the_decision() {
    let Decision::Deny(denial) = AuthChecks::new(&[Guest::new("unreachable").check()]).run_blocking(&nobody()) else {
        panic!("allowed")
    };
    let id = denial.id.to_string();
    assert_eq!(json!(Decision::Deny(denial)), json!({ "decision": "deny", "id": id }));
    assert_eq!(json!(Decision::Allow), json!({ "decision": "allow" }));
}

#[test]
fn parts_have_the_same_form_alone() {
    let fault = Fault::new(Cause::Native, "unreachable directory");
    assert_eq!(json!(fault), json!({ "cause": "native", "detail": "unreachable directory" }));
    let evaluation = Evaluation::from(Outcome::native_fault("unreachable directory"))
        .with_logs(vec![LogLine::new("stderr", "no route")]);
    assert_eq!(
        json!(evaluation),
        json!({
            "outcome": "failed", "cause": "native", "detail": "unreachable directory",
            "elapsed_us": 0, "cpu_time_us": 0, "fuel": 0, "memory_bytes": 0,
            "logs": [{ "source": "stderr", "text": "no route" }],
        })
    );
    assert_eq!(json!(StartMode::Image), json!({ "mode": "image" }));
}
