//! `new`, `build` and `test`: the plugin that `guardhouse new` makes, in Rust. The other languages are tested where their
//! tools are.

use std::fs;
use std::path::{Path, PathBuf};

use guardhouse_authoring::Language;
use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::{LOG, REFUSE, Run, TRAP, command, run};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn in_folder(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.current_dir(folder);
    run(command)
}

/// A plugin and a file of cases for it.
fn cases(folder: &Path, plugin: &str, cases: serde_json::Value) -> Run {
    fs::write(folder.join("plugin.wasm"), assemble(plugin).unwrap()).unwrap();
    fs::write(folder.join("cases.json"), cases.to_string()).unwrap();
    in_folder(folder, &["test", "--plugin", "plugin.wasm"])
}

fn case(name: &str, outcome: &str) -> serde_json::Value {
    json!({ "name": name, "context": { "component": { "kind": "tool", "name": "search" } }, "outcome": outcome })
}

#[test]
fn every_language_has_a_plugin_to_start_from_and_its_sdk() {
    let folder = folder();
    for language in Language::all().map(Language::word) {
        let name = format!("my-{language}");
        let new = in_folder(folder.path(), &["new", &name, "--lang", language]);
        assert_eq!((new.exit, new.stderr.as_str()), (0, ""), "{new:?}");
        let project = folder.path().join(&name);
        for file in ["README.md", "settings.schema.json", "cases.json", ".gitignore"] {
            assert!(project.join(file).is_file(), "{language}: {file}");
        }
        for path in files(&project) {
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            // The last is the fingerprint of a Zig package, which belongs to its name.
            for old in ["spending-limit", "spending_limit", "../../../guest-sdk", "0xa8c2c3b36768a002"] {
                assert!(!text.contains(old), "{}: `{old}`", path.display());
            }
        }
    }
}

#[test]
fn the_reference_plugins_have_the_same_settings_and_cases() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/spending-limit");
    for file in ["cases.json", "settings.schema.json"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(file)).unwrap();
        for language in Language::all().map(Language::word) {
            // Where a toolchain takes no links, it is a copy.
            assert_eq!(read(&plugins.join(language)), read(&plugins), "{language}: {file}");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_plugin_is_not_started_over_what_is_there() {
    let folder = folder();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/check.c"), "int x;").unwrap();
    in_folder(folder.path(), &["new", "mine", "--lang", "rust"]).assert_failed("cannot create the folder `mine`");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn names_and_languages_that_will_not_do_are_refused() {
    let folder = folder();
    for name in ["My-check", "../up", "a_b", ""] {
        in_folder(folder.path(), &["new", name, "--lang", "rust"]).assert_failed("invalid plugin name");
    }
    let cobol = in_folder(folder.path(), &["new", "mine", "--lang", "cobol"]);
    assert_eq!(cobol.exit, 1);
    assert!(cobol.stderr.contains("use one of rust, js, ts, python, c, go, zig"), "{cobol:?}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_folder_without_a_project_and_one_with_two_are_told_apart() {
    let folder = folder();
    in_folder(folder.path(), &["build"]).assert_failed("is not the folder of a plugin");
    fs::write(folder.path().join("go.mod"), "module a\n").unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"a\"\n").unwrap();
    in_folder(folder.path(), &["build"]).assert_failed("has projects in several languages: `Cargo.toml`, `go.mod`");
}

#[test]
fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    let folder = folder();
    fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
    let mut command = command(&["build"]);
    command.current_dir(folder.path()).env("PATH", folder.path());
    run(command).assert_failed("`go` is missing; to install it: ");
}

#[test]
fn what_was_not_built_is_not_tested() {
    let folder = folder();
    fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
    fs::write(folder.path().join("cases.json"), json!({ "cases": [case("one", "allow")] }).to_string()).unwrap();
    in_folder(folder.path(), &["test"]).assert_failed("does not exist; run `guardhouse build`");
}

#[test]
fn cases_that_come_out_as_they_say_pass() {
    let folder = folder();
    let tested = cases(folder.path(), REFUSE, json!({ "cases": [case("nobody", "denied")] }));
    assert_eq!((tested.exit, tested.stdout.as_str()), (0, "ok   nobody\n1 of 1 cases came out as they say\n"));
}

#[test]
fn a_case_that_comes_out_differently_fails_and_says_why() {
    let folder = folder();
    let all = json!({ "cases": [case("a", "failed"), case("b", "denied"), case("c", "allow")] });
    let tested = cases(folder.path(), TRAP, all);
    assert_eq!(tested.exit, 2, "{tested:?}");
    assert!(tested.stdout.contains("ok   a\nFAIL b\n     outcome: expected refused, found masked\n"), "{tested:?}");
    assert!(tested.stdout.contains("unreachable"), "{tested:?}");
    assert!(tested.stdout.ends_with("1 of 3 cases came out as they say\n"), "{tested:?}");
}

#[test]
fn a_file_of_cases_with_a_mistake_is_refused() {
    let mut explicit = case("one", "allow");
    explicit["message"] = json!("no");
    for (file, error) in [
        (json!({ "cases": [] }), "there are none"),
        (json!({ "cases": [case("one", "allow"), case("one", "allow")] }), "two cases are called `one`"),
        (json!({ "cases": [case("one", "deny")] }), "unknown variant `deny`"),
        (json!({ "cases": [case("one", "denied-with-message")] }), "has no `message`"),
        (json!({ "cases": [explicit] }), "is not explicit"),
        (json!({ "case": [] }), "unknown field `case`"),
    ] {
        cases(folder().path(), REFUSE, file).assert_failed(error);
    }
}

#[test]
fn the_operator_s_side_of_a_case_is_held_too() {
    let mut logged = case("logged", "allow");
    logged["logs"] = json!(["no such line"]);
    let folder = folder();
    let tested = cases(folder.path(), LOG, json!({ "cases": [logged] }));
    assert!(tested.stdout.contains("     logs: no line has `no such line`\n"), "{tested:?}");

    let mut trap = case("trap", "failed");
    trap["cause"] = json!("deadline");
    let tested = cases(folder.path(), TRAP, json!({ "cases": [trap] }));
    assert!(tested.stdout.contains("     cause: expected deadline, found trap\n"), "{tested:?}");
}
