//! The OpenAPI document of the doors, made of the table of routes and of the schemas of the library.

use guardhouse::AuthContext;
use serde_json::{Map, Value, json};

use super::answer::Kind;
use super::exchange::MAX_REQUEST_ID_BYTES;
use super::route::{ROUTES, Route, Task};
use crate::config::listener::{Door, DoorSet};

/// The OpenAPI document (3.1) of some doors.
#[must_use]
pub fn document(doors: DoorSet, public_url: Option<&str>) -> Value {
    let mut paths = Map::new();
    for route in described().filter(|route| doors.has(route.door)) {
        let method = if route.takes_body() { "post" } else { "get" };
        paths.insert(route.path.to_owned(), json!({ (method): operation(route) }));
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Guardhouse",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas(), "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } } },
        "security": [{}, { "bearer": [] }],
    });
    match public_url {
        Some(url) => with(document, "servers", json!([{ "url": url }])),
        None => document,
    }
}

/// The routes that a client of this document may use. Those of a proxy take any method, and paths of others.
fn described() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.door != Door::ForwardAuth)
}

/// The same object with one more member.
fn with(mut object: Value, name: &str, member: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), member);
    }
    object
}

/// What OpenAPI says of a task.
struct Description {
    id: &'static str,
    summary: &'static str,
    /// The schema of the body, if it takes one.
    body: Option<&'static str>,
    /// The content type and the schema of a success.
    success: (&'static str, Option<&'static str>),
    /// The statuses of errors.
    errors: &'static [u16],
}

/// The errors of a request for a decision at the native door, which are problems.
const PROBLEMS: &[u16] = &[400, 401, 403, 413, 415, 503];

/// The errors of a request for a decision of AuthZEN, which are messages.
const MESSAGES: &[u16] = &[400, 401, 403, 413, 503];

impl Description {
    fn of(task: Task) -> Self {
        let json = "application/json";
        let text = "text/plain";
        match task {
            Task::Check => Self {
                id: "check",
                summary: "Decides one request",
                body: Some("AuthContext"),
                success: (json, Some("Decision")),
                errors: PROBLEMS,
            },
            Task::CheckBatch => Self {
                id: "checkBatch",
                summary: "Decides several requests, each as if it were alone",
                body: Some("Contexts"),
                success: (json, Some("Decisions")),
                errors: PROBLEMS,
            },
            Task::Evaluation => Self {
                id: "evaluation",
                summary: "Access evaluation of AuthZEN",
                body: Some("Evaluation"),
                success: (json, Some("EvaluationDecision")),
                errors: MESSAGES,
            },
            Task::Evaluations => Self {
                id: "evaluations",
                summary: "Access evaluations of AuthZEN",
                body: Some("Evaluations"),
                success: (json, Some("EvaluationDecisions")),
                errors: MESSAGES,
            },
            Task::Metadata => Self {
                id: "metadata",
                summary: "The metadata of the decision point of a tenant",
                body: None,
                success: (json, Some("Metadata")),
                errors: &[404],
            },
            // No path of the document has this task.
            Task::ForwardAuth(_) => Self::plain("forwardAuth", "Decides one request for a proxy", text),
            Task::OpenApi => Self::plain("openapi", "This document", json),
            Task::Live => Self::plain("live", "Whether the server lives", text),
            Task::Ready => Self { errors: &[503], ..Self::plain("ready", "Whether the server is ready", json) },
            Task::Metrics => Self::plain("metrics", "Metrics for Prometheus", text),
            Task::TenantMetrics => Self::plain("tenantMetrics", "Metrics of each tenant for Prometheus", text),
        }
    }

    fn plain(id: &'static str, summary: &'static str, content_type: &'static str) -> Self {
        Self { id, summary, body: None, success: (content_type, None), errors: &[] }
    }
}

fn operation(route: &Route) -> Value {
    let Description { id, summary, body, success: (content_type, schema), errors } = Description::of(route.task);
    let schema = schema.map_or_else(|| json!({}), reference);
    let mut responses = Map::new();
    let headers = json!({ "Cache-Control": { "schema": { "const": "no-store" } } });
    let success =
        json!({ "description": "Success", "headers": headers, "content": { (content_type): { "schema": schema } } });
    responses.insert("200".to_owned(), success);
    for status in errors {
        let content = match route.task {
            Task::Evaluation | Task::Evaluations | Task::Metadata => {
                json!({ "text/plain": { "schema": { "type": "string" } } })
            }
            Task::Ready => json!({ "application/json": { "schema": {} } }),
            _ => json!({ "application/problem+json": { "schema": reference("Problem") } }),
        };
        responses.insert(status.to_string(), json!({ "description": title(*status), "content": content }));
    }
    let mut operation = json!({ "operationId": id, "summary": summary, "responses": responses });
    let mut parameters = Vec::new();
    if route.path.contains("{tenant}") {
        parameters.push(json!({
            "name": "tenant", "in": "path", "required": true,
            "description": "A tenant. One that does not exist is denied like any other, whatever its name.",
            "schema": { "type": "string" },
        }));
    }
    if let Some(body) = body {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation = with(operation, "requestBody", json!({ "required": true, "content": content }));
        parameters.push(json!({
            "name": "X-Request-ID", "in": "header",
            "description": "Repeated in the answer.",
            "schema": { "type": "string", "pattern": "^[ -~]*$", "maxLength": MAX_REQUEST_ID_BYTES },
        }));
        parameters.push(json!({
            "name": "Guardhouse-Deadline-Ms", "in": "header",
            "description": "The time that the caller waits, in milliseconds. The tenant's own may be shorter.",
            "schema": { "type": "integer", "minimum": 1, "maximum": guardhouse::MAX_DEADLINE.as_secs() * 1_000 },
        }));
    }
    if parameters.is_empty() { operation } else { with(operation, "parameters", parameters.into()) }
}

/// The title of a problem with a status, which is the description of the answer.
fn title(status: u16) -> &'static str {
    let kind = Kind::ALL.into_iter().find(|kind| kind.status().as_u16() == status);
    kind.map_or("The server is not ready", Kind::title)
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn schemas() -> Value {
    let mut context = AuthContext::json_schema();
    let definitions = context.as_object_mut().and_then(|context| {
        context.remove("$schema");
        context.remove("$defs")
    });
    let object = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "properties": properties });
    let closed =
        |required: &[&str], properties: Value| with(object(required, properties), "additionalProperties", json!(false));
    let list = |item: &str| json!({ "type": "array", "items": reference(item) });
    let text = || json!({ "type": "string" });
    let id = || json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let decision = |word: &str, more: Value| {
        let properties = with(with(more, "decision", json!({ "const": word })), "id", id());
        closed(&["decision", "id"], properties)
    };
    let denied = json!({ "message": text(), "missing_scopes": { "type": "array", "items": text() } });
    let types: Vec<String> = Kind::ALL.into_iter().map(Kind::uri).collect();
    let entity = |required: &[&str]| {
        let texts = required.iter().map(|name| ((*name).to_owned(), text()));
        let properties = texts.chain([("properties".to_owned(), json!({ "type": "object" }))]).collect::<Map<_, _>>();
        object(required, properties.into())
    };
    let members = || {
        json!({
            "subject": reference("Subject"), "action": reference("Action"), "resource": reference("Resource"),
            "context": { "type": "object" },
        })
    };
    let evaluations = json!({ "type": "array", "items": object(&[], json!({})) });
    let options = object(
        &[],
        json!({
            "evaluations_semantic": { "enum": ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] },
        }),
    );
    let several = with(with(members(), "evaluations", evaluations), "options", options);
    // Without items, the request is one evaluation.
    let one_or_several = json!([
        { "required": ["subject", "action", "resource"] },
        { "required": ["evaluations"], "properties": { "evaluations": { "minItems": 1 } } },
    ]);
    let evaluations = with(object(&[], several), "anyOf", one_or_several);
    let mut schemas = json!({
        "AuthContext": context,
        "Contexts": closed(&["contexts"], json!({ "contexts": list("AuthContext") })),
        "Decision": { "oneOf": [decision("allow", json!({})), decision("deny", denied)] },
        "Decisions": closed(&["decisions"], json!({ "decisions": list("Decision") })),
        "Problem": object(&["type", "title", "status", "detail"], json!({
            "type": { "enum": types }, "title": text(), "status": { "type": "integer" }, "detail": text(),
            "path": { "type": "string", "description": "The place in the body." },
        })),
        "Subject": entity(&["type", "id"]),
        "Action": entity(&["name"]),
        "Resource": entity(&["type", "id"]),
        "Evaluation": object(&["subject", "action", "resource"], members()),
        "Evaluations": evaluations,
        "EvaluationDecision": closed(&["decision"], json!({
            "decision": { "type": "boolean" }, "context": { "type": "object" },
        })),
        "EvaluationDecisions": { "anyOf": [
            closed(&["evaluations"], json!({ "evaluations": list("EvaluationDecision") })),
            reference("EvaluationDecision"),
        ] },
        "Metadata": object(&["policy_decision_point", "access_evaluation_endpoint"], json!({
            "policy_decision_point": text(), "access_evaluation_endpoint": text(), "access_evaluations_endpoint": text(),
        })),
    });
    if let Some(Value::Object(definitions)) = definitions {
        for (name, definition) in definitions {
            schemas = with(schemas, &name, definition);
        }
    }
    moved(schemas)
}

/// The same schemas, with references to where they stand in the document.
fn moved(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(path) if name == "$ref" => *path = path.replace("#/$defs/", "#/components/schemas/"),
                    _ => *member = moved(member.take()),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = moved(item.take())),
        _ => {}
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_nothing_else() {
        let all = document(Door::ALL.into_iter().collect(), None);
        let paths: Vec<&String> = all["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths.len(), described().count());
        let mut ids = std::collections::HashSet::new();
        for route in described() {
            let method = if route.methods() == "POST" { "post" } else { "get" };
            let operations = all["paths"][route.path].as_object().unwrap();
            assert_eq!(operations.keys().collect::<Vec<_>>(), [method], "{}", route.path);
            assert!(ids.insert(operations[method]["operationId"].clone()), "{}", route.path);
            assert_eq!(operations[method].get("requestBody").is_some(), route.takes_body(), "{}", route.path);
        }
        let native = document(DoorSet::default().with(Door::Native), Some("https://pdp.example"));
        assert!(native["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/tenants")));
        assert_eq!(native["servers"][0]["url"], "https://pdp.example");
    }

    #[test]
    fn every_route_and_every_problem_is_documented() {
        let page = include_str!("../../../docs/serve.md");
        for route in ROUTES {
            let method = route.methods().split(',').next().unwrap();
            let row = format!("| `{method} {}` | `{}` |", route.path, route.door);
            assert!(page.contains(&row), "{row}");
        }
        for kind in Kind::ALL {
            let row = format!("| `{}` | {} |", kind.uri(), kind.status().as_u16());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_every_schema_is_referred_to() {
        fn references(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        match member {
                            Value::String(path) if name == "$ref" => into.push(path.clone()),
                            _ => references(member, into),
                        }
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, into)),
                _ => {}
            }
        }
        let document = document(Door::ALL.into_iter().collect(), None);
        let mut found = Vec::new();
        references(&document, &mut found);
        for path in &found {
            assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(found.iter().any(|path| path.ends_with(&format!("/{name}"))), "{name}");
        }
    }
}
