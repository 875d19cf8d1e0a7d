//! The door of the Authorization API 1.0 of AuthZEN: the vectors that others published, and what they leave out.

use guardhouse_tests::guest::{assemble, denies_with};
use serde_json::{Value, json};

use crate::harness::{Condition, Daemon, Reply, decided_by, fixture, rules_plugin};

/// A server with one tenant, whose requests one plugin decides.
fn with_plugin(plugin: &[u8]) -> Daemon {
    Daemon::start(vec![("acme", decided_by(plugin))])
}

fn with_rules(rules: &[Vec<Condition>]) -> Daemon {
    with_plugin(&rules_plugin(rules))
}

fn post(daemon: &Daemon, endpoint: &str, request: &Value) -> Reply {
    daemon.post(&format!("/tenants/acme/access/v1/{endpoint}"), &request.to_string())
}

fn cases(name: &str) -> Value {
    let path = format!("{}/cases/authzen/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn action(name: &str) -> Condition {
    Condition::Action(name.to_owned())
}

fn is(pointer: &'static str, value: impl Into<Value>) -> Condition {
    Condition::Is(pointer, value.into().to_string())
}

/// The eight rules of the certification's fixture.
fn certification_rules() -> Vec<Vec<Condition>> {
    let archived = || json!("archived").to_string();
    let status = "/resource/properties/status";
    let alice = || is("/subject/id", "alice");
    vec![
        vec![action("read")],
        vec![action("write"), alice(), Condition::IsNot(status, archived())],
        vec![action("write"), Condition::Is(status, archived()), is("/subject/properties/role", "admin")],
        vec![action("delete"), alice(), is("/action/properties/soft", true)],
    ]
}

/// The subjects of the interop scenarios who have one of some roles, with their addresses.
fn users(roles: &[&str]) -> Vec<(String, String)> {
    let users = cases("todo-users");
    let has_role = |user: &Value| user["roles"].as_array().unwrap().iter().any(|role| roles.iter().any(|r| role == r));
    let found = users.as_object().unwrap().iter().filter(|(_, user)| has_role(user));
    found.map(|(id, user)| (id.clone(), user["email"].as_str().unwrap().to_owned())).collect()
}

const WRITERS: &[&str] = &["editor", "admin", "evil_genius"];

fn todo_rules() -> Vec<Vec<Condition>> {
    let subject = |id: &str| is("/subject/id", id);
    let mut rules = vec![vec![action("can_read_user")], vec![action("can_read_todos")]];
    for (id, email) in users(WRITERS) {
        rules.push(vec![action("can_create_todo"), subject(&id)]);
        for name in ["can_update_todo", "can_delete_todo"] {
            rules.push(vec![action(name), subject(&id), is("/resource/properties/ownerID", email.clone())]);
        }
    }
    rules.extend(users(&["evil_genius"]).iter().map(|(id, _)| vec![action("can_update_todo"), subject(id)]));
    rules.extend(users(&["admin"]).iter().map(|(id, _)| vec![action("can_delete_todo"), subject(id)]));
    rules
}

fn gateway_rules() -> Vec<Vec<Condition>> {
    let mut rules = vec![vec![action("GET")]];
    for (id, _) in users(WRITERS) {
        rules.extend(["POST", "PUT", "DELETE"].map(|name| vec![action(name), is("/subject/id", id.clone())]));
    }
    rules
}

/// Whether `found` has everything that `expected` has.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| found.get(name).is_some_and(|found| has(found, expected)))
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| has(found, expected))
        }
        _ => found == expected,
    }
}

#[test]
fn the_29_cases_of_the_certification_are_answered_as_expected() {
    let daemon = with_rules(&certification_rules());
    let cases = cases("certification");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 29);
    for case in cases {
        let answer = post(&daemon, case["endpoint"].as_str().unwrap(), &case["request"]);
        let what = format!("{} {}: {}", case["section"], case["label"], answer.text());
        assert_eq!(answer.status, case["status"], "{what}");
        if let Some(expected) = case.get("expect") {
            assert!(has(&answer.json(), expected), "{what}");
        }
        if let Some(shape) = case.get("expect_shape") {
            let decisions = answer.json()["evaluations"].as_array().unwrap().clone();
            assert_eq!(decisions.len() as u64, shape["evaluations"], "{what}");
            assert!(decisions.iter().all(|decision| decision["decision"].is_boolean()), "{what}");
        }
    }
}

#[test]
fn the_43_cases_of_the_todo_scenario_are_answered_with_equal_texts() {
    let daemon = with_rules(&todo_rules());
    let cases = cases("todo");
    let (single, several) = (cases["evaluation"].as_array().unwrap(), cases["evaluations"].as_array().unwrap());
    assert_eq!((single.len(), several.len()), (40, 3));
    for case in single {
        let answer = post(&daemon, "evaluation", &case["request"]);
        assert_eq!(answer.text(), json!({ "decision": case["expected"] }).to_string(), "{case}");
    }
    for case in several {
        let answer = post(&daemon, "evaluations", &case["request"]);
        assert_eq!(answer.text(), json!({ "evaluations": case["expected"] }).to_string(), "{case}");
    }
}

#[test]
fn the_25_cases_of_the_gateway_scenario_are_answered_with_equal_texts() {
    let daemon = with_rules(&gateway_rules());
    let cases = cases("gateway");
    let cases = cases["evaluation"].as_array().unwrap();
    assert_eq!(cases.len(), 25);
    for case in cases {
        let answer = post(&daemon, "evaluation", &case["request"]);
        assert_eq!(answer.text(), json!({ "decision": case["expected"] }).to_string(), "{case}");
    }
}

fn request(action: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": action },
        "resource": { "type": "record", "id": "record-1" },
    })
}

#[test]
fn what_is_not_a_request_is_a_400_with_a_message() {
    let daemon = with_rules(&certification_rules());
    let path = "/tenants/acme/access/v1/evaluation";
    let good = request("read").to_string();
    let duplicate = good.replace("\"subject\"", "\"action\":{\"name\":\"x\"},\"subject\"");
    for (headers, body) in [
        (&[("Content-Type", "text/plain")][..], &*good),
        (&[("Content-Type", "application/json")], ""),
        (&[], "{"),
        (&[], "[]"),
        (&[], &duplicate),
        (&[("Guardhouse-Deadline-Ms", "x")], &good),
    ] {
        let answer = daemon.ask("POST", path, &[headers, &[("X-Request-ID", "r1")]].concat(), body);
        assert_eq!(answer.status, 400, "{headers:?} {body}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-request-id"), Some("r1"));
        assert!(!answer.text().is_empty() && !answer.text().contains('\n'), "{}", answer.text());
    }
    for (field, value) in [
        ("evaluations", json!({})),
        ("options", json!([])),
        ("options", json!({ "evaluations_semantic": "first_of_all" })),
        ("subject", json!("alice")),
    ] {
        let mut request = request("read");
        request["evaluations"] = json!([{}]);
        request[field] = value;
        assert_eq!(post(&daemon, "evaluations", &request).status, 400, "{field}");
    }
}

#[test]
fn each_semantic_ends_where_it_says() {
    let daemon = with_rules(&certification_rules());
    let (permit, deny) = (json!({ "decision": true }), json!({ "decision": false }));
    let ask = |semantic: &str, actions: &[&str]| {
        let items: Vec<Value> = actions.iter().map(|name| json!({ "action": { "name": name } })).collect();
        let mut request = request("nothing");
        request["options"] = json!({ "evaluations_semantic": semantic });
        request["evaluations"] = items.into();
        post(&daemon, "evaluations", &request).json()["evaluations"].clone()
    };
    let both = ["read", "other", "read", "other"];
    assert_eq!(ask("execute_all", &both), json!([permit, deny, permit, deny]));
    assert_eq!(ask("deny_on_first_deny", &both), json!([permit, deny]));
    assert_eq!(ask("permit_on_first_permit", &both), json!([permit]));
    assert_eq!(ask("permit_on_first_permit", &["other", "other"]), json!([deny, deny]));
    assert_eq!(ask("deny_on_first_deny", &["read", "read"]), json!([permit, permit]));
}

#[test]
fn an_invalid_item_is_denied_with_its_mistake_and_the_others_are_decided() {
    let daemon = with_rules(&certification_rules());
    let items = json!([{}, { "action": { "name": 1 } }, 5, { "resource": { "type": "record" } }, { "context": {} }]);
    let mut all = request("read");
    all["evaluations"] = items.clone();
    let answer = post(&daemon, "evaluations", &all).json();
    let decisions: Vec<&Value> = answer["evaluations"].as_array().unwrap().iter().map(|one| &one["decision"]).collect();
    assert_eq!(decisions, [&json!(true), &json!(false), &json!(false), &json!(false), &json!(true)]);
    assert_eq!(answer["evaluations"][1]["context"]["error"]["status"], 400);
    let message = answer["evaluations"][3]["context"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("resource.id"), "{message}");
    all["options"] = json!({ "evaluations_semantic": "deny_on_first_deny" });
    assert_eq!(post(&daemon, "evaluations", &all).json()["evaluations"].as_array().unwrap().len(), 2);
}

#[test]
fn the_members_that_items_repeat_have_a_bound() {
    let daemon = with_rules(&certification_rules());
    let ask = |lists: usize, item: &dyn Fn(usize) -> Value| {
        let mut request = request("read");
        request["context"] = json!({ "a": vec![json!([]); lists] });
        request["evaluations"] = (0..100).map(item).collect();
        let bytes = ["subject", "action", "context"].map(|name| request[name].to_string().len());
        (post(&daemon, "evaluations", &request), 100 * (bytes.iter().sum::<usize>() + "read".len()))
    };
    let own = |index: usize| json!({ "resource": { "type": "record", "id": index.to_string() } });
    // Each of these contexts would be another copy of the same lists.
    let with_properties = |index: usize| {
        let mut item = own(index);
        item["resource"]["properties"] = json!({});
        item
    };
    let (fits, copied) = ask(3_455, &with_properties);
    assert!((1_040_000..=1 << 20).contains(&copied), "{copied}");
    assert_eq!(fits.json()["evaluations"], json!(vec![json!({ "decision": true }); 100]));
    for lists in [3_500, 100_000] {
        let (refused, copied) = ask(lists, &with_properties);
        assert!(copied > 1 << 20);
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("over the cap of 1048576"), "{}", refused.text());
    }
    // Without attributes of their own, all requests share one document.
    let (shared, _) = ask(3_500, &own);
    assert_eq!(shared.json()["evaluations"], json!(vec![json!({ "decision": true }); 100]));
    let (shared, _) = ask(3_500, &|_| json!({}));
    assert_eq!(shared.status, 200);
}

#[test]
fn a_message_reaches_the_caller_and_a_fault_does_not() {
    let daemon = with_plugin(&denies_with(b"over the limit").unwrap());
    let answer = post(&daemon, "evaluation", &request("read"));
    let context = &answer.json()["context"];
    assert_eq!(context["reason_user"], json!({ "403": "over the limit" }));
    assert_eq!(context["id"].as_str(), answer.header("guardhouse-decision-id"));

    let daemon = with_plugin(&assemble(&fixture("unreachable")).unwrap());
    let answer = post(&daemon, "evaluation", &request("read"));
    assert_eq!((answer.status, answer.text()), (200, r#"{"decision":false}"#));
    let unknown = daemon.post("/tenants/other/access/v1/evaluation", &request("read").to_string());
    assert_eq!((unknown.status, unknown.text()), (200, r#"{"decision":false}"#));
    let names = |reply: &Reply| reply.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&unknown), names(&answer));
}

#[test]
fn the_metadata_names_the_endpoints_of_a_tenant() {
    let plugin = decided_by(&assemble(&fixture("allow")).unwrap());
    let url = Some("https://pdp.example/guardhouse".to_owned());
    let daemon = Daemon::start_with(vec![("acme", plugin)], |config| config.public_url = url);
    for tenant in ["acme", "other"] {
        let answer = daemon.ask("GET", &format!("/.well-known/authzen-configuration/tenants/{tenant}"), &[], "");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let point = format!("https://pdp.example/guardhouse/tenants/{tenant}");
        let expected = json!({
            "policy_decision_point": point,
            "access_evaluation_endpoint": format!("{point}/access/v1/evaluation"),
            "access_evaluations_endpoint": format!("{point}/access/v1/evaluations"),
        });
        assert_eq!(answer.json(), expected, "search is absent, whether the tenant exists or not");
    }
    assert_eq!(daemon.ask("GET", "/.well-known/authzen-configuration/tenants/A", &[], "").status, 404);
    assert_eq!(daemon.post("/tenants/acme/access/v1/search/subject", "{}").status, 404);
}
