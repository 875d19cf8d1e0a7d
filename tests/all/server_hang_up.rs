//! Callers that hang up: no evaluation runs on for them.

use guardhouse_server::policy::Policy;
use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::client::request;
use crate::harness::{Client, Daemon, eventually, fixture, policy};

const ENDLESS: &str = r#"
version = 1

[checks.endless]
plugin = "endless.wasm"
limits = { deadline = "1h", cpu-time = "1h" }

[[rules]]
when = {}
check = "endless"
"#;

const CONTEXT: &str = r#"{"component": {"kind": "tool", "name": "t"}}"#;

/// A policy whose check does not answer within an hour.
pub(crate) fn endless() -> Policy {
    policy(ENDLESS, &[("endless.wasm", &assemble(&fixture("loop")).unwrap())])
}

pub(crate) fn instances(daemon: &Daemon) -> u64 {
    daemon.tenants.host().tenant("acme").usage().instances
}

/// A server with an endless policy, and a client whose request is being decided.
pub(crate) fn while_decided(daemon: &Daemon, sent: &str) -> Client {
    let mut client = daemon.connect();
    client.send(sent);
    eventually("the request is decided", || instances(daemon) == 1);
    client
}

fn daemon() -> Daemon {
    Daemon::start_with(vec![("acme", endless())], |config| {
        config.tenants.default.deadline = guardhouse::MAX_DEADLINE;
    })
}

#[test]
fn the_evaluation_ends_when_its_caller_goes() {
    let daemon = daemon();
    let evaluation = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "record-1" },
    });
    let mut evaluations = evaluation.clone();
    evaluations["evaluations"] = json!([{}, {}]);
    for (path, body) in [
        ("/v1/tenants/acme/check", CONTEXT.to_owned()),
        ("/v1/tenants/acme/check:batch", format!("{{\"contexts\": [{CONTEXT}, {CONTEXT}]}}")),
        ("/tenants/acme/access/v1/evaluation", evaluation.to_string()),
        ("/tenants/acme/access/v1/evaluations", evaluations.to_string()),
    ] {
        let client = while_decided(&daemon, &request("POST", path, &[], &body));
        drop(client);
        eventually("the evaluation has ended", || instances(&daemon) == 0);
        eventually("the connection is closed", || daemon.counts().open == 0);
    }
}

#[test]
fn a_caller_that_sent_more_before_it_went_has_gone_too() {
    let daemon = daemon();
    let one = request("POST", "/v1/tenants/acme/check", &[], CONTEXT);
    for more in [&*one, "x", &one.repeat(100)] {
        drop(while_decided(&daemon, &format!("{one}{more}")));
        eventually("the evaluation has ended", || instances(&daemon) == 0);
        eventually("the connection is closed", || daemon.counts().open == 0);
    }
}

#[test]
fn a_caller_that_closes_its_side_has_gone() {
    let daemon = daemon();
    let mut client = while_decided(&daemon, &request("POST", "/v1/tenants/acme/check", &[], CONTEXT));
    client.finish();
    eventually("the evaluation has ended", || instances(&daemon) == 0);
    assert!(!client.rest().contains("decision"));
}
