//! `guardhouse test`: files of cases, and the comparison of each case with the outcome of the plugin.

use std::fs;
use std::path::Path;

use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::{DENY, LOG, Run, TRAP, folder, in_folder};

/// Runs `guardhouse test` with a plugin and a file of cases.
fn test(folder: &Path, plugin: &str, cases: serde_json::Value) -> Run {
    fs::write(folder.join("plugin.wasm"), assemble(plugin).unwrap()).unwrap();
    fs::write(folder.join("cases.json"), cases.to_string()).unwrap();
    in_folder(folder, &["test", "--plugin", "plugin.wasm"])
}

pub(crate) fn case(name: &str, outcome: &str) -> serde_json::Value {
    json!({ "name": name, "context": { "component": { "kind": "tool", "name": "search" } }, "outcome": outcome })
}

#[test]
fn cases_with_the_expected_outcomes_pass() {
    let folder = folder();
    let tested = test(folder.path(), DENY, json!({ "cases": [case("nobody", "denied")] }));
    assert_eq!((tested.exit, tested.stdout.as_str()), (0, "ok   nobody\n1 of 1 cases passed\n"));
}

#[test]
fn a_case_with_another_outcome_fails_with_the_reason() {
    let folder = folder();
    let all = json!({ "cases": [case("a", "failed"), case("b", "denied"), case("c", "allow")] });
    let tested = test(folder.path(), TRAP, all);
    assert_eq!(tested.exit, 2, "{tested:?}");
    assert!(tested.stdout.contains("ok   a\nFAIL b\n     outcome: expected denied, found failed\n"), "{tested:?}");
    assert!(tested.stdout.contains("unreachable"), "{tested:?}");
    assert!(tested.stdout.ends_with("1 of 3 cases passed\n"), "{tested:?}");
}

#[test]
fn an_invalid_file_of_cases_is_rejected() {
    let mut with_message = case("one", "allow");
    with_message["message"] = json!("no");
    for (file, error) in [
        (json!({ "cases": [] }), "`cases` is empty"),
        (json!({ "cases": [case("one", "allow"), case("one", "allow")] }), "two cases have the name `one`"),
        (json!({ "cases": [case("one", "deny")] }), "unknown variant `deny`"),
        (json!({ "cases": [case("one", "denied-with-message")] }), "has no `message`"),
        (json!({ "cases": [with_message] }), "its outcome is not `denied-with-message`"),
        (json!({ "case": [] }), "unknown field `case`"),
    ] {
        test(folder().path(), DENY, file).assert_failed(error);
    }
}

#[test]
fn a_plugin_can_be_named_without_an_option() {
    let folder = folder();
    fs::write(folder.path().join("deny.wasm"), assemble(DENY).unwrap()).unwrap();
    fs::write(folder.path().join("cases.json"), json!({ "cases": [case("nobody", "denied")] }).to_string()).unwrap();
    for plugin in ["deny.wasm", "builtin:require-auth"] {
        let tested = in_folder(folder.path(), &["test", plugin]);
        assert_eq!((tested.exit, &*tested.stdout), (0, "ok   nobody\n1 of 1 cases passed\n"), "{tested:?}");
    }
    in_folder(folder.path(), &["test", "deny.wasm", "--plugin", "deny.wasm"]).assert_failed("two plugins are given");
    in_folder(folder.path(), &["test", "deny.wasm", "--no-build"]).assert_failed("a plugin is not built");
    in_folder(folder.path(), &["test", "none.wasm"]).assert_failed("cannot open `none.wasm`: No such file");
}

#[test]
fn the_logs_and_the_cause_of_a_case_are_compared_too() {
    let mut logged = case("logged", "allow");
    logged["logs"] = json!(["no such line"]);
    let folder = folder();
    let tested = test(folder.path(), LOG, json!({ "cases": [logged] }));
    assert!(tested.stdout.contains("     logs: `no such line` was not found\n"), "{tested:?}");

    let mut trap = case("trap", "failed");
    trap["cause"] = json!("deadline");
    let tested = test(folder.path(), TRAP, json!({ "cases": [trap] }));
    assert!(tested.stdout.contains("     cause: expected deadline, found trap\n"), "{tested:?}");
}
