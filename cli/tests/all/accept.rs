//! `guardhouse test --accept`: the answers become the expectations.

use std::fs;
use std::path::Path;

use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::cases::case;
use crate::harness::{DENY, Run, TRAP, command, folder, in_folder, run};

fn accept(folder: &Path, variables: &[(&str, &str)], options: &[&str]) -> Run {
    let mut command = command(&[&["test", "--accept"], options].concat());
    command.current_dir(folder).envs(variables.iter().copied());
    run(command)
}

const CASES: &str = r#"{ "cases": [
  {"name":"good", "outcome":"denied",   "context":{"component":{"kind":"tool","name":"t"}}},
  {"name":"bad",  "outcome":"allow",    "context":{"component":{"kind":"tool","name":"t"}}},
  {"name":"logs", "outcome":"denied",   "context":{"component":{"kind":"tool","name":"t"}}, "logs":["x"]}
]}
"#;

#[test]
fn the_answers_are_written_into_the_failing_cases_and_printed() {
    let folder = folder();
    fs::write(folder.path().join("deny.wasm"), assemble(DENY).unwrap()).unwrap();
    let path = folder.path().join("cases.json");
    fs::write(&path, CASES).unwrap();
    let accepted = accept(folder.path(), &[], &["deny.wasm"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), CASES.replace("\"allow\"", "\"denied\""));
    let printed = "1 passed, 2 failed\nchanged in `./cases.json`, 1 case:\n  bad\n     outcome: before \"allow\", now \"denied\"\n";
    assert!(accepted.stdout.ends_with(printed), "{accepted:?}");
    assert_eq!(accepted.exit, 2, "the output of a plugin is not accepted");

    let again = accept(folder.path(), &[], &["deny.wasm", "--filter", "bad"]);
    assert!(again.exit == 0 && again.stdout.ends_with("ok   bad\n1 passed, 0 failed, 2 filtered out\n"), "{again:?}");
    fs::write(&path, CASES).unwrap();
    let filtered = accept(folder.path(), &[], &["deny.wasm", "--filter", "bad", "--json"]);
    let changes = json!([{ "member": "outcome", "before": "\"allow\"", "after": "\"denied\"" }]);
    let report = json!([{ "name": "bad", "opens": false, "changes": changes }]);
    assert_eq!((filtered.exit, &filtered.json()["targets"][0]["accepted"]), (0, &report));
}

#[test]
fn a_denial_that_became_an_allow_is_named() {
    let folder = folder();
    let trap = json!({ "cases": [case("a", "failed")] }).to_string();
    fs::write(folder.path().join("cases.json"), &trap).unwrap();
    // The built-in plugin allows a request with a token.
    let with_token = trap.replace("\"component\"", "\"token\":{\"client_id\":\"c\"},\"component\"");
    fs::write(folder.path().join("cases.json"), &with_token).unwrap();
    let accepted = accept(folder.path(), &[], &["builtin:require-auth"]);
    let printed = "  a (was a denial, and is allowed now)\n     outcome: before \"failed\", now \"allow\"\n";
    assert!(accepted.exit == 0 && accepted.stdout.ends_with(printed), "{accepted:?}");
    fs::write(folder.path().join("trap.wasm"), assemble(TRAP).unwrap()).unwrap();
    assert_eq!(accept(folder.path(), &[], &["trap.wasm"]).exit, 0);
    let text = fs::read_to_string(folder.path().join("cases.json")).unwrap();
    assert!(text.contains("\"outcome\":\"failed\", \"cause\": \"trap\""), "{text}");
}

#[test]
fn nothing_is_accepted_where_nobody_looks_at_it_or_in_a_shared_file() {
    let folder = folder();
    fs::write(folder.path().join("deny.wasm"), assemble(DENY).unwrap()).unwrap();
    fs::write(folder.path().join("cases.json"), CASES).unwrap();
    accept(folder.path(), &[("CI", "true")], &["deny.wasm"]).assert_failed("the variable `CI` says");
    accept(folder.path(), &[], &["deny.wasm", "builtin:require-auth"]).assert_failed("one file is used twice");
    assert_eq!(fs::read_to_string(folder.path().join("cases.json")).unwrap(), CASES);
    for value in ["", "false", "0"] {
        assert_eq!(accept(folder.path(), &[("CI", value)], &["deny.wasm", "--filter", "good"]).exit, 0, "{value}");
    }
    // Without a build, the answers might be those of an old component.
    let refused = in_folder(folder.path(), &["test", "--accept", "--no-build"]);
    assert!(refused.stderr.contains("cannot be used with"), "{refused:?}");
}
