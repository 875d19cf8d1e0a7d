//! The JSON Schema (2020-12) of the report of `guardhouse test --json`.

use guardhouse::Cause;
use serde_json::{Value, json};

/// The schema of a report.
pub(crate) fn report() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "test report",
        "description": "What `guardhouse test --json` found. Later versions may add members.",
        "type": "object",
        "required": ["version", "passed", "failed", "filtered_out", "not_tested", "targets"],
        "properties": {
            "version": { "description": "The version of this format.", "const": 1 },
            "passed": count("The cases that passed."),
            "failed": count("The cases that failed."),
            "filtered_out": count("The cases that no filter selects. They were not run."),
            "not_tested": count("The targets that were not tested, because of an error."),
            "targets": { "description": "The projects and plugins.", "type": "array", "items": target() },
        },
    })
}

fn target() -> Value {
    json!({
        "description": "A project or a plugin.",
        "type": "object",
        "required": ["name", "file", "passed", "failed", "filtered_out", "cases", "accepted"],
        "properties": {
            "name": text("The name of the project, or the plugin as it was written on the command line."),
            "file": text("The path of the file of cases."),
            "component": {
                "description": "The component that was tested. Absent if nothing was tested.",
                "type": "object",
                "required": ["path", "compiler", "digest"],
                "properties": {
                    "path": text("The path of the file, or `builtin:NAME`."),
                    "build": {
                        "description": "The build of the project. Absent for a plugin.",
                        "enum": ["development", "release"],
                    },
                    "compiler": { "description": "The compiler of the machine code.", "enum": ["baseline", "optimizing"] },
                    "digest": { "description": "The digest of the file.", "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" },
                },
            },
            "passed": count("The cases that passed."),
            "failed": count("The cases that failed."),
            "filtered_out": count("The cases that no filter selects."),
            "error": text("The reason why nothing was tested."),
            "cases": { "description": "The cases that were run.", "type": "array", "items": case() },
            "accepted": {
                "description": "The cases that were changed by `--accept`.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "opens", "changes"],
                    "properties": {
                        "name": text("The name of the case."),
                        "opens": {
                            "description": "Whether the case expected a denial, and expects `allow` now.",
                            "type": "boolean",
                        },
                        "changes": { "type": "array", "items": change() },
                    },
                },
            },
        },
    })
}

fn case() -> Value {
    let causes: Vec<String> = Cause::ALL.iter().map(ToString::to_string).collect();
    json!({
        "description": "A case, and what the plugin answered.",
        "type": "object",
        "required": [
            "name", "line", "passed", "elapsed_us", "outcome", "message", "missing_scopes", "cause", "logs", "differences",
        ],
        "properties": {
            "name": text("The name of the case."),
            "line": { "description": "The line of the file in which the case begins.", "type": "integer", "minimum": 1 },
            "passed": { "description": "Whether the answer is as expected.", "type": "boolean" },
            "elapsed_us": count("The wall-clock time of the evaluation, in microseconds."),
            "outcome": { "description": "The outcome.", "enum": ["allow", "denied", "denied-with-message", "failed"] },
            "message": { "description": "The message of the denial.", "type": ["string", "null"] },
            "missing_scopes": texts("The missing scopes of the denial."),
            "cause": {
                "description": "The cause of the failure. Later versions may add causes.",
                "anyOf": [{ "enum": causes }, { "type": ["string", "null"] }],
            },
            "logs": texts("The output of the plugin."),
            "differences": {
                "description": "What is not as expected. Empty if the case passed.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["member", "expected"],
                    "properties": {
                        "member": {
                            "description": "The member of the case.",
                            "enum": ["outcome", "message", "missing_scopes", "cause", "logs"],
                        },
                        "expected": text("What the case expects, as text for people."),
                        "found": text("What was found, as text for people. Absent for `logs`."),
                    },
                },
            },
            "explanation": {
                "description": "The explanation of a failing case, as `guardhouse check --explain --json` prints it.",
                "type": "object",
            },
        },
    })
}

fn change() -> Value {
    json!({
        "type": "object",
        "required": ["member", "before", "after"],
        "properties": {
            "member": { "enum": ["outcome", "message", "missing_scopes", "cause"] },
            "before": { "description": "The JSON text before; null without the member.", "type": ["string", "null"] },
            "after": { "description": "The JSON text now; null without the member.", "type": ["string", "null"] },
        },
    })
}

fn count(description: &str) -> Value {
    json!({ "description": description, "type": "integer", "minimum": 0 })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn texts(description: &str) -> Value {
    json!({ "description": description, "type": "array", "items": { "type": "string" } })
}
