//! The native door: decisions in JSON, and problems as in RFC 9457.

use std::time::Duration;

use guardhouse_server::config::ServerConfig;
use guardhouse_server::policy::Policy;
use guardhouse_tests::guest::assemble;
use serde_json::{Value, json};

use crate::harness::{Client, Daemon, Reply, fixture, policy};

const POLICY: &str = r#"
version = 1

[checks.readers]
plugin = "builtin:require-scopes"
settings = { scopes = ["read"] }

[checks.small]
plugin = "builtin:argument-limit"
settings = { argument = "/amount", max = 1000 }

[checks.broken]
plugin = "broken.wasm"

[[rules]]
when = { kind = "tool", name = "search" }
check = "readers"

[[rules]]
when = { kind = "tool", name = "pay" }
check = "small"

[[rules]]
when = { kind = "tool", name = "broken" }
check = "broken"
"#;

const CHECK: &str = "/v1/tenants/acme/check";

pub(crate) fn acme() -> Policy {
    policy(POLICY, &[("broken.wasm", &assemble(&fixture("unreachable")).unwrap())])
}

fn daemon() -> Daemon {
    Daemon::start(vec![("acme", acme())])
}

pub(crate) fn context(name: &str) -> Value {
    let token = json!({ "client_id": "alice-laptop", "scopes": ["read"] });
    json!({ "token": token, "component": { "kind": "tool", "name": name }, "action": "tools/call" })
}

/// An answer without what differs from one decision to the next.
fn without_id(mut reply: Reply) -> Reply {
    let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert!(is_id(&id));
    assert_eq!(reply.header("guardhouse-decision-id"), Some(&*id));
    reply.body = reply.text().replace(&id, "ID").into_bytes();
    reply.headers.retain(|(name, _)| name != "guardhouse-decision-id" && name != "date");
    reply
}

#[test]
fn the_four_answers_are_an_allow_and_three_denials() {
    let daemon = daemon();
    let answer = |context: &Value| without_id(daemon.post(CHECK, &context.to_string()));
    let allowed = answer(&context("search"));
    assert_eq!((allowed.status, allowed.text()), (200, r#"{"decision":"allow","id":"ID"}"#));
    assert_eq!(allowed.header("content-type"), Some("application/json"));
    assert_eq!(allowed.header("cache-control"), Some("no-store"));

    let silent = answer(&json!({ "component": { "kind": "tool", "name": "search" } }));
    assert_eq!((silent.status, silent.text()), (200, r#"{"decision":"deny","id":"ID"}"#));

    let mut pay = context("pay");
    pay["arguments"] = json!({ "amount": 5000 });
    let message = "argument `/amount` must be a number of at most 1000";
    let expected = format!(r#"{{"decision":"deny","id":"ID","message":"{message}"}}"#);
    assert_eq!(answer(&pay).text(), expected);

    assert_eq!(answer(&context("broken")), silent, "a fault looks like a denial without a message");
}

#[test]
fn a_tenant_that_does_not_exist_answers_like_a_denial() {
    let daemon = daemon();
    let denied = without_id(daemon.post(CHECK, &json!({ "component": { "kind": "tool", "name": "x" } }).to_string()));
    let body = context("search").to_string();
    for tenant in ["other", "", "..", "ACME", "a%2fb", "%61cme", &"a".repeat(200)] {
        let answer = daemon.post(&format!("/v1/tenants/{tenant}/check"), &body);
        assert_eq!(without_id(answer), denied, "{tenant}");
    }
    let batch = json!({ "contexts": [context("search")] }).to_string();
    let answer = daemon.post("/v1/tenants/other/check:batch", &batch);
    assert_eq!(answer.json()["decisions"][0]["decision"], "deny");
    assert_eq!(answer.json()["decisions"][0].as_object().unwrap().len(), 2);
}

#[test]
fn a_batch_has_one_decision_for_each_context_in_their_order() {
    let daemon = daemon();
    let batch =
        |contexts: &Value| daemon.post("/v1/tenants/acme/check:batch", &json!({ "contexts": contexts }).to_string());
    let answer = batch(&json!([context("search"), context("other"), context("broken"), context("search")])).json();
    let decisions: Vec<&str> =
        answer["decisions"].as_array().unwrap().iter().map(|decision| decision["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "deny", "deny", "allow"]);
    assert_eq!(batch(&json!([])).json(), json!({ "decisions": [] }));
    let too_many = vec![context("search"); ServerConfig::default().connections.batch + 1];
    let refused = batch(&json!(too_many));
    assert_eq!((refused.status, &refused.json()["path"]), (400, &json!("contexts")));
}

/// A method, a path, headers and a body; and the status, the word in the type, and the path of the problem.
type Refused<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str, Option<&'a str>);

#[test]
fn a_request_that_is_not_decided_has_a_problem() {
    let daemon = daemon();
    let good = context("search").to_string();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let large = format!("{{\"action\": \"{}\"}}", "a".repeat(1 << 20));
    let batch =
        r#"{"contexts": [{"component": {"kind": "tool", "name": "a"}}, {"component": {"kind": 1, "name": "a"}}]}"#;
    let list = r#"{"contexts": [[null, {"kind": "tool", "name": "a"}, "", 0, null, {}]]}"#;
    let cases: &[Refused<'_>] = &[
        ("GET", CHECK, &[], "", 405, "method-not-allowed", None),
        ("PUT", CHECK, &[], &good, 405, "method-not-allowed", None),
        ("POST", "/healthz", &[], &good, 404, "not-found", None),
        ("POST", "/v1/tenants/acme/checks", &[], &good, 404, "not-found", None),
        ("POST", CHECK, &form, &good, 415, "unsupported-media-type", None),
        ("POST", CHECK, &[], "{", 400, "invalid-request", None),
        ("POST", CHECK, &[("Content-Type", "application/json")], "", 400, "invalid-request", None),
        ("POST", CHECK, &[], r#"{"component": {"kind": "tool"}}"#, 400, "invalid-request", Some("component")),
        (
            "POST",
            CHECK,
            &[],
            r#"{"component": {"kind": "tool", "name": 1}}"#,
            400,
            "invalid-request",
            Some("component.name"),
        ),
        ("POST", CHECK, &[], r#"{"components": {}}"#, 400, "invalid-request", Some("components")),
        ("POST", CHECK, &[], &large, 413, "too-large", None),
        ("POST", CHECK, &[("Guardhouse-Deadline-Ms", "0")], &good, 400, "invalid-header", None),
        ("POST", CHECK, &[("X-Request-ID", "a"), ("X-Request-ID", "b")], &good, 400, "invalid-header", None),
        (
            "POST",
            "/v1/tenants/acme/check:batch",
            &[],
            batch,
            400,
            "invalid-request",
            Some("contexts[1].component.kind"),
        ),
        ("POST", "/v1/tenants/acme/check:batch", &[], list, 400, "invalid-request", Some("contexts[0]")),
    ];
    for (method, path, headers, body, status, kind, place) in cases {
        let answer = daemon.ask(method, path, headers, body);
        let problem = answer.json();
        let what = format!("{method} {path} {headers:?} {problem}");
        assert_eq!(answer.status, *status, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(problem["type"], format!("urn:guardhouse:problem:{kind}"), "{what}");
        assert_eq!(problem["status"], *status, "{what}");
        assert_eq!(problem["path"].as_str(), *place, "{what}");
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(answer.header("allow"), (*status == 405).then_some("POST"), "{what}");
    }
}

#[test]
fn the_shorter_deadline_of_the_tenant_and_of_the_caller_bounds_a_decision() {
    let endless = assemble(&fixture("loop")).unwrap();
    let text = r#"
version = 1
[checks.endless]
plugin = "loop.wasm"
limits = { cpu-time = "10min", deadline = "10min" }
[[rules]]
when = {}
check = "endless"
"#;
    let policies = || vec![("acme", policy(text, &[("loop.wasm", &endless)]))];
    let body = context("search").to_string();
    let hour = Duration::from_secs(3_600);
    for (tenant, caller) in [(Duration::from_millis(20), "3600000"), (hour, "20")] {
        let daemon = Daemon::start_with(policies(), |config| config.tenants.default.deadline = tenant);
        let answer = daemon.ask("POST", CHECK, &[("Guardhouse-Deadline-Ms", caller)], &body);
        assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!("deny")));
    }
}

#[test]
fn an_answer_repeats_the_request_id() {
    let daemon = daemon();
    for (path, status) in [(CHECK, 200), ("/nowhere", 404)] {
        let answer = daemon.ask("POST", path, &[("X-Request-ID", "bfe9eb29")], &context("search").to_string());
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some("bfe9eb29")));
    }
    assert_eq!(daemon.post(CHECK, &context("search").to_string()).header("x-request-id"), None);
}

#[test]
fn bodies_that_do_not_arrive_take_no_memory_from_others() {
    let daemon = daemon();
    let head = format!(
        "POST {CHECK} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        1 << 20
    );
    // All of them together announce twice the bodies that the server has memory for.
    let waiting: Vec<Client> = (0..128)
        .map(|_| {
            let mut client = daemon.connect();
            client.send(&head);
            client.wait_for_continue();
            client
        })
        .collect();
    assert_eq!(daemon.post(CHECK, &context("search").to_string()).status, 200);
    drop(waiting);
}
