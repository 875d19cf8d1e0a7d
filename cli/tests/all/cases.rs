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

/// The output of a test of a plugin with one case, which passes.
fn passing(plugin: &str, case: &str) -> String {
    format!("{plugin}: plugin `{plugin}`, optimizing compiler\nok   {case}\n1 passed, 0 failed\n")
}

pub(crate) fn case(name: &str, outcome: &str) -> serde_json::Value {
    json!({ "name": name, "context": { "component": { "kind": "tool", "name": "search" } }, "outcome": outcome })
}

#[test]
fn cases_with_the_expected_outcomes_pass() {
    let folder = folder();
    let tested = test(folder.path(), DENY, json!({ "cases": [case("nobody", "denied")] }));
    assert_eq!((tested.exit, tested.stdout.as_str()), (0, &*passing("plugin.wasm", "nobody")));
}

#[test]
fn a_case_with_another_outcome_fails_with_the_reason() {
    let folder = folder();
    let all = json!({ "cases": [case("a", "failed"), case("b", "denied"), case("c", "allow")] });
    let tested = test(folder.path(), TRAP, all);
    assert_eq!(tested.exit, 2, "{tested:?}");
    assert!(tested.stdout.contains("ok   a\nFAIL b\n     outcome: expected denied, found failed\n"), "{tested:?}");
    assert!(tested.stdout.contains("unreachable"), "{tested:?}");
    assert!(tested.stdout.ends_with("1 passed, 2 failed\n"), "{tested:?}");
}

#[test]
fn an_invalid_file_of_cases_is_rejected() {
    let mut with_message = case("one", "allow");
    with_message["message"] = json!("no");
    for (file, error) in [
        (json!({ "cases": [] }), "`cases` is empty"),
        (
            json!({ "cases": [case("one", "allow"), case("one", "allow")] }),
            "at `cases[1].name`: case `one`: the case at line 1 has the same name at line 1 column ",
        ),
        (json!({ "cases": [case("one", "denies")] }), "unknown variant `denies`"),
        (json!({ "cases": [case("one", "denied-with-message")] }), "there is no `message`"),
        (json!({ "cases": [with_message] }), "only the outcomes `denied-with-message` and `deny` can have a `message`"),
        (json!({ "case": [] }), "unknown field `case`"),
    ] {
        test(folder().path(), DENY, file).assert_failed(error);
    }
}

#[test]
fn a_mistake_in_a_file_of_cases_has_its_place_in_the_file() {
    let file = |context: &str| {
        format!(
            "{{\n  \"cases\": [\n    {{\n      \"name\": \"one\",\n      \"context\": {context},\n      \"outcome\": \"allow\"\n    }}\n  ]\n}}\n"
        )
    };
    let tool = r#"{"component": {"kind": "tool", "name": "t"}}"#;
    for (text, error) in [
        (
            file(r#"{"component": {"kind": "tool", "name": 7}}"#),
            "at `cases[0].context.component.name`: invalid type: integer `7`, expected a string at line 5 column 57",
        ),
        (file("{}"), "at `cases[0].context`: missing field `component` at line 5 column 19"),
        (
            file(r#"{"component": {"kind": "tool", "name": "t", "name": "u"}}"#),
            "at `cases[0].context.component`: duplicate field `name` at line 5 column ",
        ),
        (
            file(r#"{"component": ["tool", "t"]}"#),
            "at `cases[0].context.component`: invalid type: sequence, expected an object at line 5 column ",
        ),
        (
            file(r#"["token", "component"]"#),
            "at `cases[0].context`: invalid type: sequence, expected an object at line 5",
        ),
        (file(r#""tool""#), "at `cases[0].context`: invalid type: string \"tool\", expected an object at line 5"),
        (file(tool).replace("allow", "allowed"), "at `cases[0].outcome`: unknown variant `allowed`, expected one of `"),
        (file(tool).replace("\"name\": \"one\",\n", ""), "at `cases[0]`: missing field `name` at line 6 column 5"),
        (file(tool).replace("  ]\n", "  ]]\n"), "expected `,` or `}` at line 8 column 4"),
        (
            r#"{"cases": [["one", null, {}, "allow"]]}"#.to_owned(),
            "at `cases[0]`: invalid type: sequence, expected an object",
        ),
        (r#"[null, []]"#.to_owned(), "invalid type: sequence, expected an object at line 1 column "),
        (r#"{"cases": {}}"#.to_owned(), "at `cases`: invalid type: map, expected a sequence at line 1 column "),
        (
            r#"{"settings": {"a": 1, "a": 2}, "cases": []}"#.to_owned(),
            "at `settings`: duplicate name `a` at line 1 column ",
        ),
        (String::new(), "EOF while parsing a value at line 1 column 0"),
    ] {
        let folder = folder();
        fs::write(folder.path().join("cases.json"), &text).unwrap();
        in_folder(folder.path(), &["test", "--plugin", "builtin:require-auth"])
            .assert_failed(&format!("cannot read the cases in `./cases.json`: {error}"));
    }
}

#[test]
fn a_mistake_that_no_type_excludes_has_its_place_too() {
    let first = r#"{"name": "é", "outcome": "deny", "context": {"component": {"kind": "tool", "name": "t"}}}"#;
    for (members, error) in [
        (
            r#""name": "é", "outcome": "allow""#,
            "at `cases[1].name`: case `é`: the case at line 2 has the same name at line 3 column 10",
        ),
        (
            r#""name": "ü", "outcome": "denied-with-message""#,
            "at `cases[1].outcome`: case `ü`: the outcome is `denied-with-message`, but there is no `message` at line 3 column 26",
        ),
        (
            r#""name": "ü", "outcome": "failed", "message": {"matches": ""}"#,
            "at `cases[1].message`: case `ü`: only the outcomes `denied-with-message` and `deny` can have a `message` at line 3 \
             column 47",
        ),
        (
            r#""name": "ü", "outcome": "allow", "cause": "trap""#,
            "at `cases[1].cause`: case `ü`: only the outcomes `failed` and `deny` can have a `cause` at line 3 column 44",
        ),
        (
            r#""name": "ü", "outcome": "deny", "message": {"matches": "["}"#,
            "at `cases[1].message.matches`: invalid pattern: unclosed character class at line 3 column 60",
        ),
        (
            r#""name": "ü", "outcome": "deny", "cause": 7"#,
            "at `cases[1].cause`: invalid type: integer `7`, expected a string at line 3 column 43",
        ),
    ] {
        let folder = folder();
        let second = first.replacen(r#""name": "é", "outcome": "deny""#, members, 1);
        fs::write(folder.path().join("cases.json"), format!("{{\"cases\": [\n{first},\n{second}]}}")).unwrap();
        in_folder(folder.path(), &["test", "builtin:require-auth"]).assert_failed(error);
    }
    let time = r#"{"cases": [{"name": "é", "outcome": "deny", "context": {"now": "2026-11-27T09:30:00.5Z"}}]}"#;
    let folder = folder();
    fs::write(folder.path().join("cases.json"), time).unwrap();
    in_folder(folder.path(), &["test", "builtin:require-auth"]).assert_failed(
        "at `cases[0].context.now`: `2026-11-27T09:30:00.5Z` is not a whole second, and a request counts whole seconds at line \
         1 column 64",
    );
}

#[test]
fn any_denial_and_a_message_by_pattern_are_expected() {
    let with = |outcome: &str, members: serde_json::Value| {
        let mut case = case("one", outcome);
        for (name, value) in members.as_object().unwrap() {
            case[name] = value.clone();
        }
        case
    };
    // Denies with this message.
    let message = |case: serde_json::Value| {
        let file = json!({ "settings": { "message": "over the limit of 100" }, "cases": [case] });
        let folder = folder();
        fs::write(folder.path().join("cases.json"), file.to_string()).unwrap();
        in_folder(folder.path(), &["test", "builtin:deny-with-message"])
    };
    let denied = |plugin: &str, case: serde_json::Value| test(folder().path(), plugin, json!({ "cases": [case] }));
    let pattern = |pattern: &str| json!({ "message": { "matches": pattern } });
    for (tested, exit, part) in [
        (denied(DENY, with("deny", json!({}))), 0, "ok   one"),
        (denied(TRAP, with("deny", json!({}))), 0, "ok   one"),
        (denied(TRAP, with("deny", json!({ "cause": "trap" }))), 0, "ok   one"),
        (denied(TRAP, with("deny", json!({ "cause": "deadline" }))), 2, "cause: expected deadline, found trap"),
        (denied(DENY, with("deny", json!({ "message": "no" }))), 2, "message: expected `no`, found none"),
        (message(with("deny", json!({}))), 0, "ok   one"),
        (message(with("denied", json!({}))), 2, "message: expected none, found `over the limit of 100`"),
        (message(with("denied-with-message", pattern("limit of \\d+$"))), 0, "ok   one"),
        (message(with("deny", pattern("^over"))), 0, "ok   one"),
        (
            message(with("deny", pattern("^limit"))),
            2,
            "message: expected a message that matches `^limit`, found `over the limit of 100`",
        ),
    ] {
        assert!(tested.exit == exit && tested.stdout.contains(part), "`{part}` is not in {tested:?}");
    }
    let allowed = test(folder().path(), LOG, json!({ "cases": [with("deny", json!({}))] }));
    assert!(allowed.exit == 2 && allowed.stdout.contains("outcome: expected deny, found allow"), "{allowed:?}");
}

#[test]
fn a_difference_names_what_was_found_even_if_it_is_nothing() {
    let mut named = case("named", "denied");
    named["missing_scopes"] = json!(["write"]);
    let tested = test(folder().path(), DENY, json!({ "cases": [named] }));
    assert!(tested.stdout.contains("     missing scopes: expected `write`, found none\n"), "{tested:?}");
    assert!(tested.stdout.lines().all(|line| !line.trim_end().ends_with("found")), "{tested:?}");
}

#[test]
fn an_unknown_word_in_a_case_is_noted_and_accepted() {
    let mut odd = case("odd", "denied");
    odd["context"]["component"]["kind"] = json!("tol");
    odd["context"]["action"] = json!("tools/call");
    let tested = test(folder().path(), DENY, json!({ "cases": [odd] }));
    assert_eq!((tested.exit, &*tested.stdout), (0, &*passing("plugin.wasm", "odd")));
    let note = "note: case `odd`: unknown `component.kind` in the context: `tol`; is `tool` meant?\n";
    assert_eq!(tested.stderr, note);
}

#[test]
fn a_plugin_can_be_named_without_an_option() {
    let folder = folder();
    fs::write(folder.path().join("deny.wasm"), assemble(DENY).unwrap()).unwrap();
    fs::write(folder.path().join("cases.json"), json!({ "cases": [case("nobody", "denied")] }).to_string()).unwrap();
    for plugin in ["deny.wasm", "builtin:require-auth"] {
        let tested = in_folder(folder.path(), &["test", plugin]);
        assert_eq!((tested.exit, &*tested.stdout), (0, &*passing(plugin, "nobody")), "{tested:?}");
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
