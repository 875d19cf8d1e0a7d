//! `guardhouse test`: which cases are run, and how the results are reported.

use std::fs;
use std::path::Path;

use guardhouse_tests::guest::assemble;
use serde_json::{Value, json};

use crate::cases::case;
use crate::harness::{DENY, LOG, Run, TRAP, command, folder, guardhouse, in_folder, project, run};
use crate::schemas::assert_valid;

/// A folder with the project `one`, which denies; its cases are given.
fn denying(folder: &Path, cases: &[Value]) {
    fs::create_dir_all(folder).unwrap();
    project(folder, "cp plugin.wasm \"$2\"");
    fs::write(folder.join("plugin.wasm"), assemble(DENY).unwrap()).unwrap();
    fs::write(folder.join("cases.json"), json!({ "cases": cases }).to_string()).unwrap();
}

fn mixed() -> Vec<Value> {
    vec![case("a token", "denied"), case("no token", "allow"), case("other", "denied"), case("last", "failed")]
}

/// The lines that are not the explanation of a failing case.
fn lines(run: &Run) -> Vec<&str> {
    run.stdout.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect()
}

const DEVELOPMENT: &str = "my-check: development build `build/development/my-check.wasm`, optimizing compiler";

#[test]
fn the_summary_counts_and_names_what_was_tested() {
    let folder = folder();
    denying(folder.path(), &mixed());
    let order = |options: &[&str]| in_folder(folder.path(), &[&["test"], options].concat());
    let tested = order(&[]);
    let all = [DEVELOPMENT, "ok   a token", "FAIL no token", "ok   other", "FAIL last", "2 passed, 2 failed"];
    assert_eq!((tested.exit, lines(&tested)), (2, all.to_vec()));
    let tested = order(&["--failures-first"]);
    let failures = [DEVELOPMENT, "FAIL no token", "FAIL last", "ok   a token", "ok   other", "2 passed, 2 failed"];
    assert_eq!((tested.exit, lines(&tested)), (2, failures.to_vec()));
    for (filters, expected, exit) in [
        (&["--filter", "token"][..], &["ok   a token", "FAIL no token", "1 passed, 1 failed, 2 filtered out"][..], 2),
        (
            &["--filter", "a t", "--filter", "oth"],
            &["ok   a token", "ok   other", "2 passed, 0 failed, 2 filtered out"],
            0,
        ),
        (&["--filter", ""], &all[1..], 2),
    ] {
        let tested = order(filters);
        assert_eq!((tested.exit, &lines(&tested)[1..]), (exit, expected), "{filters:?}");
    }
    order(&["--filter", "Token", "--filter", "x"])
        .assert_failed("no case has `Token`, `x` in its name; the cases are `a token`, `no token`, `other`, `last`");
}

#[test]
fn the_optimizing_compiler_is_chosen_with_an_option_and_named() {
    let folder = folder();
    // A large plugin, which has baseline code at first.
    let large =
        DENY.replacen("(component", &format!("(component (@custom \"large\" \"{}\")", "x".repeat(300 << 10)), 1);
    fs::write(folder.path().join("large.wasm"), assemble(&large).unwrap()).unwrap();
    fs::write(folder.path().join("cases.json"), json!({ "cases": [case("a", "denied")] }).to_string()).unwrap();
    for (options, compiler) in [
        (&["--no-cache"][..], if cfg!(target_arch = "x86_64") { "baseline" } else { "optimizing" }),
        (&["--no-cache", "--compiler", "optimizing"], "optimizing"),
    ] {
        let tested = in_folder(folder.path(), &[&["test", "large.wasm"], options].concat());
        let first = format!("large.wasm: plugin `large.wasm`, {compiler} compiler\n");
        assert!(tested.exit == 0 && tested.stdout.starts_with(&first), "{tested:?}");
    }
}

#[test]
fn several_projects_are_tested_and_an_error_of_one_does_not_end_the_others() {
    let folder = folder();
    for (name, cases) in [("one", mixed()), ("two", vec![case("a", "denied")]), ("three", vec![case("b", "allow")])] {
        denying(&folder.path().join(name), &cases);
        fs::write(folder.path().join(name).join("go.mod"), format!("module {name}\n")).unwrap();
    }
    let path = |name: &str| folder.path().join(name);
    let tested = in_folder(folder.path(), &["test", "two", "one"]);
    assert_eq!((tested.exit, tested.stdout.lines().last()), (2, Some("all: 2 targets, 3 passed, 2 failed")));
    assert!(
        tested.stdout.contains("one: development build `one/build/development/one.wasm`, optimizing"),
        "{tested:?}"
    );

    // A build that fails, and an invalid file of cases.
    let broken = "#!/bin/sh\n[ \"$1\" = list ] && exit 0\nexit 1\n";
    fs::write(path("one/.venv/bin/go"), broken).unwrap();
    fs::write(path("three/cases.json"), "{}").unwrap();
    let tested = in_folder(folder.path(), &["test", "one", "two", "three"]);
    assert_eq!(tested.exit, 1, "{tested:?}");
    let expected = "one: not tested\n\ntwo: development build `two/build/development/two.wasm`, optimizing compiler\nok   \
                    a\n1 passed, 0 failed\n\nthree: not tested\n\nall: 3 targets, 1 passed, 0 failed, 2 not tested\n";
    assert_eq!(tested.stdout, expected);
    assert!(tested.stderr.contains("error: one: nothing was tested: cannot build `one`"), "{tested:?}");
    assert!(tested.stderr.contains("error: three: cannot read the cases in `three/cases.json`: missing"), "{tested:?}");

    // A filter that selects nothing in one of them does not build that one.
    fs::remove_dir_all(path("two/build")).unwrap();
    denying(&path("three"), &[case("b", "denied")]);
    fs::write(path("three/go.mod"), "module three\n").unwrap();
    let tested = in_folder(folder.path(), &["test", "two", "three", "--filter", "b"]);
    assert_eq!(tested.exit, 0, "{tested:?}");
    assert!(tested.stdout.starts_with("two: not tested, because no case is selected\n0 passed, 0 failed, 1 filtered"));
    assert!(!path("two/build").exists());
}

#[test]
fn the_report_in_json_is_as_its_schema_says() {
    let folder = folder();
    denying(folder.path(), &mixed());
    let tested = in_folder(folder.path(), &["test", "--json"]);
    let report = tested.json();
    assert_valid("test-report", &report);
    assert_eq!(tested.exit, 2);
    let numbers =
        ["version", "passed", "failed", "filtered_out", "not_tested"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(numbers, [1, 2, 2, 0, 0]);
    let target = &report["targets"][0];
    assert_eq!((&target["name"], &target["component"]["build"]), (&json!("my-check"), &json!("development")));
    assert_eq!(target["component"]["path"], "build/development/my-check.wasm");
    let second = &target["cases"][1];
    assert_eq!(
        (&second["passed"], &second["outcome"], &second["message"]),
        (&json!(false), &json!("denied"), &json!(null))
    );
    let difference = json!({ "member": "outcome", "expected": "allow", "found": "denied" });
    assert_eq!(second["differences"], json!([difference]));
    assert_eq!(second["explanation"]["checks"][0]["outcome"], "denied");

    // A build that fails is in the report too.
    project(folder.path(), "exit 1");
    let tested = in_folder(folder.path(), &["test", "--json"]);
    let report = tested.json();
    assert_valid("test-report", &report);
    assert_eq!((tested.exit, &report["not_tested"]), (1, &json!(1)));
    assert!(report["targets"][0]["error"].as_str().unwrap().starts_with("nothing was tested: "), "{report}");
    assert!(tested.stderr.contains("error: nothing was tested: "), "{tested:?}");
}

#[test]
fn the_report_for_ci_is_written_in_every_case_but_an_interruption() {
    let folder = folder();
    let report = folder.path().join("report.xml");
    denying(folder.path(), &mixed());
    let test = || in_folder(folder.path(), &["test", "--junit", "report.xml"]);
    for (compiler, exit, part) in [
        ("cp plugin.wasm \"$2\"", 2, "tests=\"4\" failures=\"2\" errors=\"0\""),
        ("exit 1", 1, "tests=\"1\" failures=\"0\" errors=\"1\""),
    ] {
        project(folder.path(), compiler);
        assert_eq!(test().exit, exit);
        let found = fs::read_to_string(&report).unwrap();
        assert!(found.starts_with("<?xml ") && found.contains(part), "{found}");
    }
    // An old report is not left where a new one cannot be made.
    in_folder(folder.path(), &["test", "--junit", "report.xml", "--filter", "nothing"]).assert_failed("no case has");
    assert!(!report.exists());
    in_folder(folder.path(), &["test", "--junit", "cases.json"]).assert_failed("it exists, and is not a report");
    in_folder(folder.path(), &["test", "--junit", "none/report.xml"]).assert_failed("No such file");
}

#[test]
fn the_texts_of_a_plugin_cannot_change_a_terminal_or_a_report() {
    let folder = folder();
    fs::write(folder.path().join("log.wasm"), assemble(LOG).unwrap()).unwrap();
    let mut odd = case("odd \u{1b}[2J\u{202e} <&\"]]>\n", "denied");
    odd["context"]["token"] = json!({ "client_id": "c" });
    fs::write(folder.path().join("cases.json"), json!({ "cases": [odd] }).to_string()).unwrap();
    let run = in_folder(folder.path(), &["test", "log.wasm", "--junit", "report.xml"]);
    let xml = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    for text in [&run.stdout, &xml] {
        assert!(text.contains("\\u{1b}[2J"), "{text}");
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
    }
    assert!(run.stdout.contains("FAIL odd \\u{1b}[2J\\u{202e} <&\"]]>\\n\n"), "{run:?}");
    assert!(xml.contains("name=\"odd \\u{1b}[2J\\u{202e} &lt;&amp;&quot;]]&gt;\\n\""), "{xml}");
}

#[test]
fn colors_are_for_terminals_unless_they_are_asked_for() {
    let folder = folder();
    fs::write(folder.path().join("trap.wasm"), assemble(TRAP).unwrap()).unwrap();
    fs::write(
        folder.path().join("cases.json"),
        json!({ "cases": [case("a", "failed"), case("b", "allow")] }).to_string(),
    )
    .unwrap();
    for (options, variable, is_colored) in [
        (&[][..], None, false),
        (&["--color", "always"], None, true),
        (&["--color", "always"], Some("1"), true),
        (&["--color", "never"], None, false),
        (&["--color", "auto"], Some(""), false),
    ] {
        let mut command = command(&[&["test", "trap.wasm"], options].concat());
        command.current_dir(folder.path());
        if let Some(value) = variable {
            command.env("NO_COLOR", value);
        }
        let tested = run(command);
        assert_eq!(tested.stdout.contains("\u{1b}[1;31mFAIL\u{1b}[0m b\n"), is_colored, "{options:?} {tested:?}");
        assert_eq!(tested.stdout.contains('\u{1b}'), is_colored, "{options:?}");
        assert_eq!((tested.exit, &*tested.stderr), (2, ""), "{options:?}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (options, error) in [
        (&["builtin:require-auth", "--release"][..], "`--release` is for the folder of a project"),
        (&[".", "builtin:require-auth", "--no-build"], "a plugin is not built, and `builtin:require-auth` is one"),
        (&[".", "builtin:require-auth", "--plugin", "builtin:require-auth"], "two plugins are given"),
    ] {
        in_folder(folder().path(), &[&["test"], options].concat()).assert_failed(error);
    }
    for options in [["--accept", "--watch"], ["--accept", "--no-build"], ["--json", "--failures-first"]] {
        let refused = guardhouse(&[&["test"], &options[..]].concat());
        assert!(refused.exit == 1 && refused.stderr.contains("cannot be used with"), "{refused:?}");
    }
}
