//! `guardhouse check --explain`: the part of a decision that only the operator may see.

use guardhouse_tests::guest;
use serde_json::json;

use crate::harness::{LOG, LOOP, TRAP, check, guardhouse, names, plugin};

const ROLES: &str = "builtin:require-roles";

fn sorted<'a>(names: &[&[&'a str]]) -> Vec<&'a str> {
    let mut names = names.concat();
    names.sort_unstable();
    names
}

#[test]
fn json_has_the_whole_report_of_each_check() {
    let trap = plugin("trap.wasm", TRAP);
    let run = check(&[
        "--json",
        "--explain",
        "--plugin",
        "builtin:require-scopes",
        "--settings",
        r#"{"scopes": []}"#,
        "--plugin",
        &trap,
        "--plugin",
        "builtin:require-auth",
        "--id",
        "last",
    ]);
    let json = run.json();
    assert_eq!(run.exit, 2);
    assert_eq!(run.names(), ["checks", "decided_by", "decision", "elapsed_us", "id", "not_called"]);
    assert_eq!((&json["decided_by"], &json["not_called"]), (&json!(1), &json!(["last"])));
    assert_eq!(json["checks"].as_array().unwrap().len(), 2);

    let [allowed, failed] = [0, 1].map(|index| &json["checks"][index]);
    let always = ["cpu_time_us", "elapsed_us", "fuel", "id", "logs", "memory_bytes", "outcome", "plugin", "start_mode"];
    assert_eq!(names(allowed), sorted(&[&always, &["settings"]]));
    assert_eq!((&allowed["id"], &allowed["outcome"]), (&json!("builtin:require-scopes"), &json!("allow")));
    assert_eq!(names(failed), sorted(&[&["backtrace", "cause", "detail"], &always]));
    assert_eq!((&failed["id"], &failed["outcome"]), (&json!(trap), &json!("failed")));
    assert_eq!(failed["cause"], "trap");
    assert_eq!(run.stderr, "", "the explanation replaces the warning");
}

#[test]
fn json_has_the_missing_scopes_of_each_check() {
    let scopes = ["--plugin", "builtin:require-scopes", "--settings"];
    let arguments = [&scopes[..], &[r#"{"scopes": ["b"]}"#], &scopes, &[r#"{"scopes": ["a", "read"]}"#]].concat();
    let run = check(&[&["--json", "--explain", "--missing-scopes"][..], &arguments].concat());
    let json = run.json();
    assert_eq!((&json["decided_by"], &json["missing_scopes"]), (&json!(0), &json!(["a", "b"])));
    assert_eq!([0, 1].map(|index| json["checks"][index]["missing_scopes"].clone()), [json!(["b"]), json!(["a"])]);
}

#[test]
fn no_check_decides_if_all_allow() {
    let json = check(&["--json", "--explain", "--plugin", "builtin:require-auth"]).json();
    assert_eq!(
        (&json["decision"], &json["decided_by"], &json["not_called"]),
        (&json!("allow"), &json!(null), &json!([]))
    );
}

#[test]
fn text_has_a_block_for_each_check() {
    let log = plugin("log.wasm", LOG);
    let run = check(&["--explain", "--plugin", &log, "--id", "talk\n2. forged", "--plugin", "builtin:require-auth"]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let head: Vec<&str> = lines.iter().map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    assert!(lines[0].starts_with("deny (decision "), "{run:?}");
    assert_eq!(head[1..4], ["", "decision", "took"], "{run:?}");
    assert_eq!(lines[5], r"1. talk\n2. forged: failed, which decided");
    assert_eq!(lines[6], "   cause       trap");
    assert!(lines[7].starts_with("   detail      wasm "), "{run:?}");
    let logs = lines.iter().position(|line| line.starts_with("   logs ")).unwrap();
    assert_eq!(lines[logs], r"   logs        trace     part: \u{1b}[2Jsaid");
    assert_eq!(lines[logs + 1], "               trace     this");
    assert_eq!(lines[logs + 11], "               critical  this");
    assert_eq!(lines.last(), Some(&"2. builtin:require-auth: not called"));
}

#[test]
fn each_read_of_the_request_is_shown_with_its_pointer_and_without_its_value() {
    let context = json!({
        "token": { "client_id": "c", "claims": { "https://example.com/roles": ["secret-role"] } },
        "component": { "kind": "tool", "name": "search" },
    })
    .to_string();
    let explain = |pointer: &str, options: &[&str]| {
        let settings = json!({ "roles": ["secret-role"], "claim": pointer }).to_string();
        let arguments = ["check", "--deadline=60s", "--explain", "--context", &context, "--plugin", ROLES];
        guardhouse(&[&arguments[..], &["--settings", &settings], options].concat())
    };
    let [wrong, right] = ["/https://example.com/roles", "/https:~1~1example.com~1roles"];
    let run = explain(wrong, &[]);
    assert!(run.stdout.contains("\n   reads       claim      `/https://example.com/roles`  not found\n"), "{run:?}");
    let run = explain(right, &[]);
    assert!(run.stdout.contains("\n   reads       claim      `/https:~1~1example.com~1roles`  found\n"), "{run:?}");
    assert!(!run.stdout.contains("secret-role"), "{run:?}");
    let reads = json!([{ "document": "claim", "pointer": wrong, "found": false }]);
    assert_eq!(explain(wrong, &["--json"]).json()["checks"][0]["reads"], reads);
}

#[test]
fn a_missed_deadline_names_its_value_and_its_option() {
    let endless = plugin("loop-option.wasm", LOOP);
    let context = r#"{"component": {"kind": "tool", "name": "search"}}"#;
    let run = guardhouse(&["check", "--explain", "--deadline", "60ms", "--plugin", &endless, "--context", context]);
    assert!(run.stdout.contains("the limit is 60ms (`Limits::deadline`)"), "{run:?}");
    assert!(run.stdout.contains("   option      --deadline\n"), "{run:?}");
}

#[test]
fn the_output_of_a_plugin_comes_before_the_functions_of_its_runtime() {
    let log = plugin("log-order.wasm", LOG);
    let run = check(&["--explain", "--plugin", &log]);
    let at = |label: &str| run.stdout.find(label).unwrap_or_else(|| panic!("`{label}` is not in {run:?}"));
    assert!(at("   logs ") < at("   backtrace "), "{run:?}");
}

#[test]
fn an_error_of_making_a_check_has_the_output_of_the_plugin_in_lines_of_its_own() {
    let text = include_str!("../../../tests/fixtures/logs-and-traps.wat");
    let words = guest::literal(b"Traceback:\n  line 12\x1b[2J\nerror: forged");
    let blanks =
        [("text", &*words), ("length", "38"), ("at-start", ""), ("in-schema", ""), ("in-configure", "(call $fail)")];
    let run = check(&["--plugin", &plugin("logs-and-traps.wasm", &guest::filled(text, &blanks))]);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].ends_with("the plugin failed while it was configured: Traceback:"), "{run:?}");
    let rest = [r"    line 12\u{1b}[2J", "  error: forged", "  (trap: wasm `unreachable` instruction executed)"];
    assert_eq!(lines[1..], rest, "{run:?}");
}
