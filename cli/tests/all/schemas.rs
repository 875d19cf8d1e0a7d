//! `guardhouse schema`: documents that are accepted are valid, and others are not.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cases::case;
use crate::harness::{DENY, files, folder, guardhouse, in_folder, plugin};

/// The schema of a document.
fn schema(document: &str) -> jsonschema::Validator {
    let printed = guardhouse(&["schema", document]);
    assert_eq!(printed.exit, 0, "{printed:?}");
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Asserts that a document is as its schema says.
#[track_caller]
pub(crate) fn assert_valid(document: &str, value: &Value) {
    let schema = schema(document);
    let errors: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The files with this name in a folder of the repository, without what builds and package managers write.
fn named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let skipped = ["build", "node_modules", "target", ".git", ".venv"];
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.file_name().and_then(|name| name.to_str()) {
        Some(file) if path.is_dir() && !path.is_symlink() && !skipped.contains(&file) => named(&path, name),
        Some(file) if file == name => vec![path],
        _ => vec![],
    });
    found.collect()
}

#[test]
fn every_committed_file_of_cases_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = schema("cases");
    let found: Vec<_> =
        ["plugins", "tests"].iter().flat_map(|folder| named(&root.join(folder), "cases.json")).collect();
    assert!(found.len() > 10, "{found:?}");
    for path in found {
        let cases: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(schema.is_valid(&cases), "{}: {:?}", path.display(), schema.validate(&cases));
    }
    let folder = folder();
    assert_eq!(in_folder(folder.path(), &["new", "mine", "--lang", "rust"]).exit, 0);
    assert_eq!(files(folder.path()).iter().filter(|path| path.ends_with("cases.json")).count(), 1);
}

#[test]
fn the_file_of_cases_in_the_documentation_is_valid() {
    let page = include_str!("../../../docs/testing.md");
    let (_, block) = page.split_once("```json\n").unwrap();
    let (cases, _) = block.split_once("```").unwrap();
    assert_valid("cases", &serde_json::from_str(cases).unwrap());
    let folder = folder();
    fs::write(folder.path().join("cases.json"), cases).unwrap();
    let tested = in_folder(folder.path(), &["test", &plugin("deny-documented.wasm", DENY)]);
    assert!(!tested.stderr.contains("cannot read the cases"), "{tested:?}");
}

#[test]
fn the_schema_of_cases_accepts_what_the_reader_accepts() {
    let with = |outcome: &str, members: Value| {
        let mut case = case("a", outcome);
        for (name, value) in members.as_object().unwrap() {
            case[name] = value.clone();
        }
        case
    };
    let context = |now: Value, expires_at: Value| {
        let mut case = case("a", "deny");
        case["context"]["now"] = now;
        case["context"]["token"] = json!({ "client_id": "c", "expires_at": expires_at });
        case
    };
    let time = json!("2026-11-27T09:30:00Z");
    // Whether the schema and the reader accept the case. A schema knows less than the reader.
    let cases = [
        (with("deny", json!({})), true, true),
        (with("deny", json!({ "message": "no", "cause": "trap", "missing_scopes": [], "logs": [] })), true, true),
        (with("denied-with-message", json!({ "message": { "matches": "^no" } })), true, true),
        (with("failed", json!({ "cause": "trap", "message": null, "settings": null })), true, true),
        (context(time.clone(), json!("2026-11-27T10:30:00.00+01:00")), true, true),
        (context(json!(0), json!(null)), true, true),
        (with("denies", json!({})), false, false),
        (with("denied", json!({ "message": "no" })), false, false),
        (with("denied-with-message", json!({})), false, false),
        (with("denied-with-message", json!({ "message": null })), false, false),
        (with("allow", json!({ "cause": "trap" })), false, false),
        (with("deny", json!({ "message": { "match": "no" } })), false, false),
        (with("deny", json!({ "message": { "matches": 7 } })), false, false),
        (with("deny", json!({ "message": { "matches": "(" } })), true, false),
        (with("deny", json!({ "logs": "no" })), false, false),
        (with("deny", json!({ "log": [] })), false, false),
        (context(json!("today"), json!(null)), false, false),
        (context(json!("2026-11-27T09:30:00.5Z"), json!(null)), false, false),
        (context(json!("2026-11-27"), json!(null)), false, false),
        (context(json!(0), json!("2026-02-30T00:00:00Z")), true, false),
        (context(json!(null), time), false, false),
    ];
    let schema = schema("cases");
    let deny = plugin("deny-schema.wasm", DENY);
    let folder = folder();
    for (case, is_valid, is_read) in cases {
        let file = json!({ "$schema": "./cases.schema.json", "settings": null, "cases": [case] });
        assert_eq!(schema.is_valid(&file), is_valid, "{file}");
        fs::write(folder.path().join("cases.json"), file.to_string()).unwrap();
        let tested = in_folder(folder.path(), &["test", &deny]);
        assert_eq!(tested.exit != 1, is_read, "{file} {tested:?}");
    }
    for file in [json!({}), json!({ "cases": [] }), json!({ "$schema": 7, "cases": [case("a", "deny")] }), json!([])] {
        assert!(!schema.is_valid(&file), "{file}");
        fs::write(folder.path().join("cases.json"), file.to_string()).unwrap();
        assert_eq!(in_folder(folder.path(), &["test", &deny]).exit, 1, "{file}");
    }
}
