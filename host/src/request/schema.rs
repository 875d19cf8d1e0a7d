//! The JSON Schema of a request. A test compares it with the reader.

use serde_json::{Value, json};

/// The JSON Schema (2020-12) of [`AuthContext`](crate::AuthContext).
pub(super) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AuthContext",
        "description": "The context of one request: the caller, the accessed component, and everything else that is \
                        known. It is the same for every check of one decision.",
        "type": "object",
        "required": ["component"],
        "additionalProperties": false,
        "properties": {
            "token": {
                "description": "The verified token; null if the caller did not authenticate.",
                "anyOf": [{ "$ref": "#/$defs/AccessToken" }, { "type": "null" }],
                "default": null,
            },
            "component": { "description": "The accessed component.", "$ref": "#/$defs/Component" },
            "action": {
                "description": "The action on the component, for example `tools/call` or `tools/list`; empty if \
                                unknown.",
                "type": "string",
                "default": "",
            },
            "now": time(
                "integer",
                "The time of the request in seconds since the Unix epoch; by default that of the host's clock. It is \
                 the only clock of a check.",
            ),
            "arguments": {
                "description": "The arguments of the call; none for a request without a call, such as a list.",
            },
            "attributes": object(
                "Everything else that the enforcement point knows, such as headers and the peer's address, in the \
                 layout of `docs/request.md`.",
            ),
        },
        "$defs": { "AccessToken": access_token(), "Component": component() },
    })
}

fn access_token() -> Value {
    json!({
        "description": "The content of a verified OAuth 2.0 access token.",
        "type": "object",
        "required": ["client_id"],
        "additionalProperties": false,
        "properties": {
            "client_id": {
                "description": "The OAuth client that presented the token (RFC 9068 `client_id`).",
                "type": "string",
            },
            "subject": optional_text(
                "The subject of the token (RFC 7519 `sub`); null for a client that acts for itself.",
            ),
            "scopes": texts(
                "The granted scopes. They are compared by code point, without order, case folding or hierarchy.",
            ),
            "expires_at": time(
                ["integer", "null"],
                "The time of expiry in seconds since the Unix epoch; null if the token never expires. The verifier of \
                 the token has checked it: no built-in check does.",
            ),
            "resource_indicator": optional_text("The resource that the token was issued for (RFC 8707)."),
            "claims": object("All claims of the token, as one object."),
            "raw": {
                "description": "The bearer secret, for plugins with the grant `raw-token`.",
                "type": ["string", "null"],
                "writeOnly": true,
            },
        },
    })
}

fn component() -> Value {
    json!({
        "description": "The accessed component: a tool, a resource, a prompt.",
        "type": "object",
        "required": ["kind", "name"],
        "additionalProperties": false,
        "properties": {
            "kind": {
                "description": "The kind: `tool`, `resource`, `resource-template`, `prompt`, or another one of \
                                `docs/request.md`.",
                "type": "string",
            },
            "name": { "description": "The name, unique within its kind.", "type": "string" },
            "uri": optional_text("The URI of a resource, or the URI template of a resource template."),
            "version": optional_text("The version, if the component has one."),
            "tags": texts("The tags that its author gave it. Tags inside `detail` do not count."),
            "detail": object(
                "Everything else that is known of the component, as one object: title, description, input schema, \
                 annotations, meta.",
            ),
        },
    })
}

fn optional_text(description: &str) -> Value {
    json!({ "description": description, "type": ["string", "null"] })
}

fn texts(description: &str) -> Value {
    json!({ "description": description, "type": "array", "items": { "type": "string" }, "default": [] })
}

fn object(description: &str) -> Value {
    json!({ "description": description, "type": "object", "default": {} })
}

fn time(types: impl Into<Value>, description: &str) -> Value {
    json!({ "description": description, "type": types.into(), "minimum": i64::MIN, "maximum": i64::MAX })
}
