//! `guardhouse bench`: counts that are the same in every run, and their comparison with a baseline.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Run, TRAP, file, folder, guardhouse, in_folder, plugin};

const SCOPES: &str = "builtin:require-scopes";
const SETTINGS: &str = r#"{"scopes": ["read"]}"#;
const CONTEXT: &str =
    r#"{"component": {"kind": "tool", "name": "a"}, "token": {"client_id": "c", "scopes": ["read"]}}"#;

/// Measures with little effort.
fn bench(arguments: &[&str]) -> Run {
    guardhouse(&[&["bench", "--runs", "3", "--deadline", "60s", "--cpu-time", "60s"], arguments].concat())
}

#[test]
fn the_costs_of_a_plugin_are_the_same_counts_in_every_run() {
    let run = || bench(&[SCOPES, "--settings", SETTINGS, "--context", CONTEXT, "--json"]);
    let (first, second) = (run().json(), run().json());
    let counts = |costs: &Value| {
        let starts = costs["starts"].as_array().unwrap().iter();
        starts.map(|start| (start["start"].clone(), start["requests"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(counts(&first), counts(&second));
    let [(configure, of_configure), (image, of_image)] = &counts(&first)[..] else { panic!("{first}") };
    assert_eq!((configure, image), (&json!("configure"), &json!("image")));
    let fuel = |requests: &Value| requests[0]["fuel"].as_u64().unwrap();
    assert!(fuel(of_configure) > fuel(of_image) && fuel(of_image) > 0, "an image is configured already: {first}");
    assert_eq!(of_image[0]["name"], "the context");
    assert_eq!((&first["code"], &first["starts"][0]["runs"]), (&json!("optimized"), &json!(3)));
    assert!(first["load"]["cold_us"].as_u64() > Some(0) && first["load"]["cached_us"].as_u64() > Some(0), "{first}");
}

#[test]
fn a_plugin_without_settings_has_no_image_and_a_request_of_its_own() {
    let run = bench(&["builtin:require-auth"]);
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.stderr.contains("a call of the tool `example` without a token"), "{run:?}");
    assert!(run.stdout.contains("\nfresh instance: configures itself\n  time "), "{run:?}");
    assert!(run.stdout.ends_with("\nno image: configures itself: there is nothing to configure\n"), "{run:?}");
}

#[test]
fn a_count_that_grew_since_the_baseline_is_worse_and_a_time_only_on_request() {
    let path = file("bench-baseline.json", b"");
    let arguments = [SCOPES, "--settings", SETTINGS, "--context", CONTEXT];
    let measured = bench(&[&arguments[..], &["--save", &path]].concat());
    assert_eq!(measured.exit, 0, "{measured:?}");
    let saved: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let compare = |baseline: &Value, options: &[&str]| {
        fs::write(&path, baseline.to_string()).unwrap();
        bench(&[&arguments[..], &["--baseline", &path], options].concat())
    };
    let same = compare(&saved, &[]);
    assert_eq!(same.exit, 0, "{same:?}");
    assert!(same.stdout.ends_with("\n  nothing is worse\n"), "{same:?}");

    let mut smaller = saved.clone();
    let fuel = smaller["starts"][1]["requests"][0]["fuel"].as_u64().unwrap();
    smaller["starts"][1]["requests"][0]["fuel"] = json!(fuel * 9 / 10);
    let worse = compare(&smaller, &[]);
    assert_eq!(worse.exit, 2, "{worse:?}");
    assert!(worse.stdout.contains("worse  × 1.11   fuel, from an image, `the context`: "), "{worse:?}");
    assert!(worse.stdout.ends_with("\n  worse costs: 1\n"), "{worse:?}");
    let json = compare(&smaller, &["--json"]).json();
    assert_eq!(json["comparison"]["worse"], 1, "{json}");
    assert_eq!(compare(&smaller, &["--tolerance", "12"]).exit, 0);

    let mut faster = saved.clone();
    faster["starts"][0]["p50_us"] = json!(1);
    assert_eq!(compare(&faster, &[]).exit, 0);
    assert_eq!(compare(&faster, &["--max-slowdown", "1.5"]).exit, 2);

    let mut unknown = saved.clone();
    unknown["more"] = json!(1);
    compare(&unknown, &[]).assert_failed("unknown field `more`");
    fs::write(&path, "{}").unwrap();
    bench(&[SCOPES, "--baseline", &path]).assert_failed("cannot read the baseline `");
}

#[test]
fn the_requests_of_cases_are_measured_without_those_that_fail() {
    let cases = json!({ "settings": { "scopes": ["read"] }, "cases": [
        { "name": "one", "context": { "component": { "kind": "tool", "name": "a" } }, "outcome": "denied" },
        { "name": "two", "context": { "component": { "kind": "tool", "name": "b" } }, "outcome": "denied",
          "settings": { "scopes": ["a", "b", "c"] } },
        { "name": "three", "context": { "component": { "kind": "tool", "name": "b" } }, "outcome": "failed" },
    ] });
    let path = file("bench-cases.json", cases.to_string().as_bytes());
    let run = bench(&[SCOPES, "--cases", &path, "--json"]);
    assert!(run.stderr.contains("note: cases left out, because their outcome is `failed`: 1"), "{run:?}");
    let names: Vec<Value> =
        run.json()["starts"][0]["requests"].as_array().unwrap().iter().map(|request| request["name"].clone()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn a_plugin_that_fails_or_was_not_built_is_not_measured() {
    let trap = plugin("bench-trap.wasm", TRAP);
    bench(&[&trap, "--context", CONTEXT]).assert_failed("the plugin fails for the request `the context` (trap: ");
    let folder = folder();
    fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
    in_folder(folder.path(), &["bench"]).assert_failed("does not exist; run `guardhouse build --release`");
    for (arguments, error) in [
        (&["--runs", "0"][..], "0 is not in 1..=100000"),
        (&["--max-slowdown", "0.5", "--baseline", "x"], "it must be a number from 1 to"),
        (&["--tolerance", "nan", "--baseline", "x"], "it must be a number from 0 to"),
        (&["--tolerance", "1"], "--baseline"),
    ] {
        let run = guardhouse(&[&["bench", SCOPES], arguments].concat());
        assert!(run.exit == 1 && run.stderr.contains(error), "{run:?}");
    }
}
