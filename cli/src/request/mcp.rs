//! Messages of the Model Context Protocol, as `docs/request.md` lays them out.

use anyhow::{Context, Result, bail, ensure};
use guardhouse::{AuthContext, Component};
use serde_json::{Map, Value, json};

use crate::notes::note;

/// The context of a message: what an MCP server knows of it before it looks at its components.
///
/// `is_completed` says whether the command line gives parts of the component.
pub(crate) fn context_of(message: &Value, is_completed: bool) -> Result<AuthContext> {
    let message = match message {
        Value::Object(message) => message,
        Value::Array(_) => bail!("the message is a batch: give one of its messages alone"),
        _ => bail!("the message is not a JSON object"),
    };
    ensure!(
        message.get("jsonrpc").is_none_or(|version| version == "2.0"),
        "the message is not JSON-RPC 2.0: its `jsonrpc` is not \"2.0\""
    );
    let method = match message.get("method") {
        Some(Value::String(method)) if !method.is_empty() => method.as_str(),
        None if message.contains_key("result") || message.contains_key("error") => {
            bail!("the message is a response: a check decides on requests, which have a `method`")
        }
        _ => bail!("the message has no string `method`"),
    };
    let nothing = Map::new();
    let parameters = match message.get("params") {
        None => &nothing,
        Some(Value::Object(parameters)) => parameters,
        Some(_) => bail!("`params` is not an object"),
    };
    let (component, arguments) = component(method, parameters, is_completed)?;
    let mut context = AuthContext::new(component).with_action(method).with_attributes(attributes(method, parameters));
    if let Some(arguments) = arguments {
        context = context.with_arguments(arguments);
    }
    Ok(context)
}

/// The component that a request addresses, and the arguments of its call.
fn component(method: &str, parameters: &Map<String, Value>, is_completed: bool) -> Result<(Component, Option<Value>)> {
    Ok(match method {
        "tools/call" => (Component::tool(text(parameters, "name")?), Some(arguments(parameters)?)),
        "prompts/get" => (Component::prompt(text(parameters, "name")?), Some(arguments(parameters)?)),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            let uri = text(parameters, "uri")?;
            if !is_completed {
                note(
                    &"the message does not say the name of the resource, which only the server knows: its URI stands \
                      in for it, unless `--component '{\"name\": \"…\"}'` gives it",
                );
            }
            (Component::resource(uri, uri), Some(json!({ "uri": uri })))
        }
        "completion/complete" => (completed(parameters)?, None),
        "tools/list" => (Component::tool(""), None),
        "resources/list" => (Component::new(Component::RESOURCE, ""), None),
        "resources/templates/list" => (Component::new(Component::RESOURCE_TEMPLATE, ""), None),
        "prompts/list" => (Component::prompt(""), None),
        _ => match parameters.get("taskId").filter(|_| method.starts_with("tasks/")) {
            Some(_) => (Component::new("task", text(parameters, "taskId")?), None),
            None => (Component::new("mcp_server", ""), None),
        },
    })
}

/// The component of a completion.
fn completed(parameters: &Map<String, Value>) -> Result<Component> {
    let reference = parameters.get("ref").and_then(Value::as_object).context("`params.ref` is not an object")?;
    let of = |name| text(reference, name).context("in `params.ref`");
    match reference.get("type").and_then(Value::as_str) {
        Some("ref/prompt") => Ok(Component::prompt(of("name")?)),
        Some("ref/resource") => of("uri").map(|uri| Component::resource_template(uri, uri)),
        _ => bail!("`params.ref.type` is neither `ref/prompt` nor `ref/resource`"),
    }
}

/// The arguments of a call: an empty object if there are none.
fn arguments(parameters: &Map<String, Value>) -> Result<Value> {
    match parameters.get("arguments") {
        None | Some(Value::Null) => Ok(json!({})),
        Some(arguments @ Value::Object(_)) => Ok(arguments.clone()),
        Some(_) => bail!("`params.arguments` is not an object"),
    }
}

/// What the message says of the protocol.
fn attributes(method: &str, parameters: &Map<String, Value>) -> Value {
    let mut mcp = Map::new();
    if let Some(meta @ Value::Object(_)) = parameters.get("_meta") {
        mcp.insert("meta".to_owned(), meta.clone());
    }
    if method == "initialize" {
        if let Some(version @ Value::String(_)) = parameters.get("protocolVersion") {
            mcp.insert("protocol_version".to_owned(), version.clone());
        }
        let client = parameters.get("clientInfo").and_then(Value::as_object);
        let texts = client
            .into_iter()
            .flatten()
            .filter(|(name, value)| ["name", "version"].contains(&name.as_str()) && value.is_string());
        let client: Map<String, Value> = texts.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !client.is_empty() {
            mcp.insert("client".to_owned(), client.into());
        }
    }
    if mcp.is_empty() { json!({}) } else { json!({ "mcp": mcp }) }
}

/// A member that must be a text.
fn text<'v>(members: &'v Map<String, Value>, name: &str) -> Result<&'v str> {
    let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.with_context(|| format!("`params.{name}` is not a string, or is empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_addresses_its_component() {
        for (message, expected) in [
            (
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                    "name": "transfer", "arguments": { "amount": 5 }, "_meta": { "progressToken": 1 },
                } }),
                json!({
                    "component": { "kind": "tool", "name": "transfer" }, "action": "tools/call",
                    "arguments": { "amount": 5 }, "attributes": { "mcp": { "meta": { "progressToken": 1 } } },
                }),
            ),
            (
                json!({ "method": "tools/call", "params": { "name": "list" } }),
                json!({ "component": { "kind": "tool", "name": "list" }, "action": "tools/call", "arguments": {} }),
            ),
            (
                json!({ "method": "resources/read", "params": { "uri": "file:///a" } }),
                json!({
                    "component": { "kind": "resource", "name": "file:///a", "uri": "file:///a" },
                    "action": "resources/read", "arguments": { "uri": "file:///a" },
                }),
            ),
            (
                json!({ "method": "prompts/get", "params": { "name": "greet", "arguments": { "to": "bob" } } }),
                json!({
                    "component": { "kind": "prompt", "name": "greet" }, "action": "prompts/get",
                    "arguments": { "to": "bob" },
                }),
            ),
            (
                json!({ "method": "completion/complete", "params": { "ref": { "type": "ref/resource", "uri": "a://{b}" } } }),
                json!({
                    "component": { "kind": "resource-template", "name": "a://{b}", "uri": "a://{b}" },
                    "action": "completion/complete",
                }),
            ),
            (
                json!({ "method": "tasks/get", "params": { "taskId": "7" } }),
                json!({ "component": { "kind": "task", "name": "7" }, "action": "tasks/get" }),
            ),
            (
                json!({ "method": "initialize", "params": {
                    "protocolVersion": "2025-11-25", "clientInfo": { "name": "inspector", "version": "2", "title": "x" },
                } }),
                json!({
                    "component": { "kind": "mcp_server", "name": "" }, "action": "initialize",
                    "attributes": { "mcp": {
                        "protocol_version": "2025-11-25", "client": { "name": "inspector", "version": "2" },
                    } },
                }),
            ),
        ] {
            let expected: AuthContext = serde_json::from_value(expected).unwrap();
            assert_eq!(context_of(&message, true).unwrap().at(0), expected.at(0), "{message}");
        }
    }

    #[test]
    fn other_messages_are_refused_with_what_is_wrong() {
        for (message, error) in [
            (json!([]), "is a batch"),
            (json!(7), "is not a JSON object"),
            (json!({ "id": 1, "result": {} }), "is a response"),
            (json!({ "jsonrpc": "1.0", "method": "ping" }), "not JSON-RPC 2.0"),
            (json!({ "jsonrpc": "2.0" }), "no string `method`"),
            (json!({ "method": "tools/call", "params": [] }), "`params` is not an object"),
            (json!({ "method": "tools/call" }), "`params.name` is not a string"),
            (json!({ "method": "tools/call", "params": { "name": "a", "arguments": [] } }), "`params.arguments`"),
            (json!({ "method": "resources/read", "params": { "uri": "" } }), "`params.uri`"),
            (json!({ "method": "completion/complete", "params": { "ref": { "type": "x" } } }), "`params.ref.type`"),
        ] {
            let found = format!("{:#}", context_of(&message, true).unwrap_err());
            assert!(found.contains(error), "{message}: {found}");
        }
    }
}
