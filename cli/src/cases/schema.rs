//! The JSON Schema (2020-12) of a file of cases, for editors.
//!
//! A schema does not know which names are used twice: what the reader accepts, the schema accepts too.

use guardhouse::{AuthContext, Cause};
use serde_json::{Value, json};

use crate::cases::ExpectedOutcome;
use crate::cases::message::MAX_PATTERN_BYTES;
use crate::cases::time::TIMES;

/// The schema of a file of cases.
pub(crate) fn cases() -> Value {
    let mut context = AuthContext::json_schema();
    // Its references begin at the root.
    let mut definitions = context.as_object_mut().and_then(|members| {
        members.remove("$schema");
        members.remove("$defs")
    });
    for path in TIMES {
        let pointer = match path {
            [name] => format!("/properties/{name}"),
            [.., name] => format!("/AccessToken/properties/{name}"),
            [] => continue,
        };
        let place = if path.len() == 1 { Some(&mut context) } else { definitions.as_mut() };
        if let Some(time) = place.and_then(|place| place.pointer_mut(&pointer)) {
            *time = or_text(time);
        }
    }
    let settings = |description: &str| json!({ "description": description });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cases.json",
        "description": "Requests, each with the outcome that a plugin must have.",
        "type": "object",
        "additionalProperties": false,
        "required": ["cases"],
        "$defs": definitions.unwrap_or_else(|| json!({})),
        "properties": {
            "$schema": { "description": "The schema of this file, for editors.", "type": "string" },
            "settings": settings("The settings of every case without settings of its own."),
            "cases": {
                "description": "The cases. Each has a name that no other one has.",
                "type": "array",
                "minItems": 1,
                "items": case(&context, settings("The settings, instead of those of the file.")),
            },
        },
    })
}

fn case(context: &Value, settings: Value) -> Value {
    let causes: Vec<String> = Cause::ALL.iter().map(ToString::to_string).collect();
    let requires = |member: &str, outcomes: &[ExpectedOutcome]| {
        let words: Vec<&str> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
        json!({
            "if": { "required": [member], "properties": { member: { "not": { "type": "null" } } } },
            "then": { "properties": { "outcome": { "enum": words } } },
        })
    };
    let optional = |mut schema: Value, description: &str| {
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), description.into());
        }
        schema
    };
    json!({
        "description": "A request, and the outcome that the plugin must have.",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "context", "outcome"],
        "allOf": [
            requires("message", &[ExpectedOutcome::Deny, ExpectedOutcome::DeniedWithMessage]),
            requires("cause", &[ExpectedOutcome::Deny, ExpectedOutcome::Failed]),
            {
                "if": { "required": ["outcome"], "properties": { "outcome": { "const": ExpectedOutcome::DeniedWithMessage.as_str() } } },
                "then": { "required": ["message"], "properties": { "message": { "not": { "type": "null" } } } },
            },
        ],
        "properties": {
            "name": { "description": "The name, unique within the file.", "type": "string" },
            "settings": settings,
            "context": context,
            "outcome": {
                "description": "The outcome. `deny` is every denial: without a message, with one, or because of a fault.",
                "enum": ExpectedOutcome::ALL.map(ExpectedOutcome::as_str),
            },
            "message": optional(json!({
                "anyOf": [
                    { "type": ["string", "null"] },
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["matches"],
                        "properties": {
                            "matches": {
                                "description": "A regular expression that is found in the message. `^` and `$` are its \
                                                start and its end.",
                                "type": "string",
                                "maxLength": MAX_PATTERN_BYTES,
                            },
                        },
                    },
                ],
            }), "The message of the denial, or a pattern of it."),
            "missing_scopes": optional(
                json!({ "type": ["array", "null"], "items": { "type": "string" } }),
                "The missing scopes that the plugin names. Not compared if absent.",
            ),
            "cause": optional(
                json!({ "anyOf": [{ "enum": causes }, { "type": ["string", "null"] }] }),
                "The cause of the failure, as `guardhouse check --explain` prints it. Not compared if absent.",
            ),
            "logs": {
                "description": "Texts that the output of the plugin contains.",
                "type": "array",
                "items": { "type": "string" },
                "default": [],
            },
        },
    })
}

/// The schema of a time, as a number or as text.
fn or_text(time: &Value) -> Value {
    let text = json!({
        "description": "A time as RFC 3339 writes it, in whole seconds: `2026-11-27T09:30:00Z`, \
                        `2026-11-27T10:30:00+01:00`.",
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.0+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    });
    json!({ "anyOf": [time, text] })
}
