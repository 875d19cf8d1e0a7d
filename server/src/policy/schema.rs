//! The JSON Schemas (2020-12) of `policy.toml` and of `cases.toml`, for editors.
//!
//! A schema counts characters where the reader counts bytes, and does not know which checks, files and rules exist: what
//! the reader accepts, the schema accepts too.

use guardhouse::{AuthContext, Grant, builtin};
use serde_json::{Map, Value, json};

use crate::log_rules::{LogPart, LogRules};
use crate::policy::bounds;
use crate::policy::cases::{ExpectedDecision, OUTCOMES};
use crate::policy::read::{IMAGES, LimitKind, limit_kinds};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of `policy.toml`.
#[must_use]
pub fn policy() -> Value {
    json!({
        "$schema": DIALECT,
        "title": "policy.toml",
        "description": "The policy of one tenant: which checks a request must pass.",
        "type": "object",
        "additionalProperties": false,
        "required": ["version"],
        "properties": {
            "version": { "description": "The version of this format. It is the first key of the file.", "const": 1 },
            "mode": mode(
                "`enforce`: a denial denies. `monitor`: a denial is only logged, and the request is allowed. For `always`, \
                 and for each rule without a mode of its own."
            ),
            "log": log(),
            "always": {
                "description": "The checks that every request must pass, in order.",
                "type": "array",
                "minItems": 1,
                "maxItems": bounds::MEMBERS,
                "items": { "$ref": "#/$defs/expression" },
            },
            "checks": {
                "description": "The checks, by the names that rules use.",
                "type": "object",
                "maxProperties": bounds::CHECKS,
                "propertyNames": { "pattern": "^[A-Za-z0-9._-]+$", "maxLength": bounds::NAME_BYTES },
                "additionalProperties": { "$ref": "#/$defs/check" },
            },
            "rules": {
                "description": "The rules. The first that matches a request decides it alone. What none matches is denied.",
                "type": "array",
                "maxItems": bounds::RULES,
                "items": { "$ref": "#/$defs/rule" },
            },
        },
        "$defs": {
            "check": check(),
            "rule": rule(),
            "expression": expression(),
            "patterns": {
                "description": "A pattern, or a list of patterns of which one must match. `*` matches any text, in a path \
                                up to the next `/`; `**` matches any text; `?` matches one character; `\\` before a \
                                character stands for that character.",
                "anyOf": [
                    { "$ref": "#/$defs/pattern" },
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": bounds::PATTERNS,
                        "items": { "$ref": "#/$defs/pattern" },
                    },
                ],
            },
            "pattern": {
                "type": "string",
                "minLength": 1,
                "maxLength": bounds::PATTERN_BYTES,
                // No control characters, no `***`, and no `\` that escapes nothing.
                "pattern": r"^(([^*\\\u0000-\u001f\u007f-\u009f]|\\[^\u0000-\u001f\u007f-\u009f])|\*\*?(?!\*))+$",
            },
        },
    })
}

fn mode(description: &str) -> Value {
    json!({ "description": description, "enum": ["enforce", "monitor"], "default": "enforce" })
}

fn log() -> Value {
    let pointers = |description: &str| {
        json!({
            "description": description,
            "type": "array",
            "maxItems": LogRules::MAX_POINTERS,
            "items": { "type": "string", "pattern": "^/" },
        })
    };
    json!({
        "description": "The parts of a request that the decision log may have. Default: none.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "include": {
                "description": "The parts that are logged.",
                "type": "array",
                "maxItems": LogPart::ALL.len(),
                "items": { "enum": LogPart::ALL.map(LogPart::as_str) },
            },
            "mask": pointers("JSON pointers of values that are logged as a mask."),
            "drop": pointers("JSON pointers of values that are left out."),
        },
    })
}

fn check() -> Value {
    let builtins: Vec<String> = builtin::ALL.iter().map(|builtin| format!("builtin:{}", builtin.name)).collect();
    let grants: Vec<&str> = Grant::ALL.iter().map(|grant| grant.as_str()).collect();
    json!({
        "description": "A check: a plugin with its settings, grants and limits.",
        "type": "object",
        "additionalProperties": false,
        "required": ["plugin"],
        "not": { "required": ["settings", "settings-file"] },
        "properties": {
            "plugin": {
                "description": "A plugin that ships with Guardhouse, or the path of a file in the folder of the policy.",
                "anyOf": [
                    { "enum": builtins },
                    { "type": "string", "pattern": "^(?!builtin:|/|\\.\\./|\\.\\.$)(?!.*/\\.\\.(/|$))" },
                ],
            },
            "digest": {
                "description": "The digest that the plugin must have.",
                "type": "string",
                "pattern": "^sha256:[0-9A-Fa-f]{64}$",
            },
            "settings": { "description": "The settings, as the schema of the plugin describes them." },
            "settings-file": file("The JSON file with the settings."),
            "data": {
                "description": "JSON files that become members of the settings, by the names of the members.",
                "type": "object",
                "maxProperties": bounds::DATA_FILES,
                "additionalProperties": file("A JSON file."),
            },
            "grants": {
                "description": "The capabilities of the check beyond reading the request.",
                "type": "array",
                "items": { "enum": grants },
            },
            "limits": {
                "description": "The limits of the check.",
                "type": "object",
                "additionalProperties": false,
                "properties": limits(),
            },
            "image": {
                "description": "When an image of the configured plugin is made, from which its instances start.",
                "enum": IMAGES.map(|(name, _)| name),
                "default": "when-hot",
            },
            "breaker": {
                "description": "After this many faults in a row, the check is denied for a while.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "faults": { "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 5 },
                    "first-pause": { "type": "string", "default": "1s" },
                    "longest-pause": { "type": "string", "default": "1min" },
                },
            },
        },
    })
}

fn file(description: &str) -> Value {
    let pattern = "^(?!/|\\.\\./|\\.\\.$)(?!.*/\\.\\.(/|$))";
    json!({ "description": description, "type": "string", "pattern": pattern })
}

fn limits() -> Map<String, Value> {
    let limit = |(name, kind, is_optional, default): (String, LimitKind, bool, Value)| {
        let value = match kind {
            LimitKind::Time => json!({ "type": "string", "pattern": "^[0-9]+(ns|us|ms|s|min|h)$" }),
            LimitKind::Size => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
            LimitKind::Number { least } => json!({ "type": "integer", "minimum": least }),
        };
        let mut schema = if is_optional { json!({ "anyOf": [value, { "const": "none" }] }) } else { value };
        if let Some(members) = schema.as_object_mut() {
            members.insert("default".to_owned(), if default.is_null() { "none".into() } else { default });
        }
        (name, schema)
    };
    limit_kinds().into_iter().map(limit).collect()
}

fn rule() -> Value {
    let patterns = |description: &str| json!({ "description": description, "$ref": "#/$defs/patterns" });
    json!({
        "description": "A rule: the requests that it matches, and how they are decided.",
        "type": "object",
        "additionalProperties": false,
        "required": ["when"],
        "oneOf": [{ "required": ["check"] }, { "required": ["unchecked"] }],
        "properties": {
            "name": {
                "description": "The name, for the operator. The default is that of its place: `rule-3`.",
                "type": "string",
                "minLength": 1,
                "maxLength": bounds::NAME_BYTES,
                "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
            },
            "when": {
                "description": "The requests that the rule matches. All parts must match; `{}` matches every request.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "kind": patterns("The kind of the component: `tool`."),
                    "name": patterns("The name of the component. The name of a route is a path."),
                    "uri": patterns("The URI of the component, in its normal form."),
                    "tag": patterns("A tag of the component."),
                    "action": patterns("The action: `tools/call`."),
                },
            },
            "check": { "description": "The check that decides.", "$ref": "#/$defs/expression" },
            "unchecked": { "description": "Allows without a check of the rule's own.", "const": "allow" },
            "mode": mode("The mode of the rule, if it has one of its own."),
        },
    })
}

fn expression() -> Value {
    let group = |key: &str, value: Value| json!({ "type": "object", "additionalProperties": false, "required": [key], "properties": { key: value } });
    let list = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": bounds::MEMBERS,
        "items": { "$ref": "#/$defs/expression" },
    });
    json!({
        "description": "The name of a check, or a group.",
        "anyOf": [
            { "type": "string" },
            group("all", list.clone()),
            group("any", list),
            group("not", json!({ "$ref": "#/$defs/expression" })),
        ],
    })
}

/// The schema of `cases.toml`.
#[must_use]
pub fn cases() -> Value {
    let mut context = AuthContext::json_schema();
    // Its references begin at the root.
    let definitions = context.as_object_mut().and_then(|members| {
        members.remove("$schema");
        members.remove("$defs")
    });
    json!({
        "$schema": DIALECT,
        "title": "cases.toml",
        "description": "Requests, each with the decision that the policy must make.",
        "type": "object",
        "additionalProperties": false,
        "required": ["cases"],
        "$defs": definitions.unwrap_or_else(|| json!({})),
        "properties": {
            "cases": {
                "type": "array",
                "minItems": 1,
                "maxItems": bounds::CASES,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["name", "context", "decision"],
                    // A request that is allowed has no message.
                    "not": { "required": ["message"], "properties": { "decision": { "const": "allow" } } },
                    "properties": {
                        "name": {
                            "description": "The name, unique within the file.",
                            "type": "string",
                            "minLength": 1,
                            "maxLength": bounds::CASE_NAME_BYTES,
                            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
                        },
                        "context": context,
                        "decision": {
                            "description": "The decision. `would-deny`: allowed because of the mode `monitor`.",
                            "enum": ExpectedDecision::ALL,
                        },
                        "message": {
                            "description": "The message of the denial. Without this key, the denial must have none.",
                            "type": "string",
                        },
                        "outcome": { "description": "The outcome of the checks.", "enum": OUTCOMES },
                        "cause": {
                            "description": "The cause of a failed check, such as `cpu-time-limit`, or of a denial without \
                                            a check: `no-rule`, `not-normal`.",
                            "type": "string",
                        },
                        "rule": { "description": "The name of the rule that decides.", "type": "string" },
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests;
