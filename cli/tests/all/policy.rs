//! `guardhouse new-policy` and `guardhouse policy`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Run, files, folder, guardhouse, in_folder};

fn first() -> tempfile::TempDir {
    let folder = folder();
    let run = in_folder(folder.path(), &["new-policy"]);
    assert_eq!((run.exit, &*run.stdout), (0, "created `acme`; run `guardhouse policy check acme`\n"), "{run:?}");
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Run {
    in_folder(folder, &[&["policy", "check"], arguments].concat())
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_first_policy_passes_its_own_check() {
    let folder = first();
    for target in [&[][..], &["."], &["acme"], &["acme/"], &["./acme"]] {
        let run = check(folder.path(), target);
        let expected = "1 tenant, 0 errors, 0 warnings, 5 of 5 cases passed\n";
        assert_eq!((run.exit, &*run.stdout, &*run.stderr), (0, expected, ""), "{target:?}");
    }
    let json = check(folder.path(), &["acme", "--json"]).json();
    let tenant = json!({ "tenant": "acme", "errors": [], "warnings": [], "cases": 5, "failed_cases": 0 });
    assert_eq!(json, json!({ "tenants": [tenant], "errors": 0, "warnings": 0, "cases": 5, "failed_cases": 0 }));
}

#[test]
fn a_policy_that_exists_is_not_overwritten() {
    for file in ["policy.toml", "cases.toml"] {
        let folder = folder();
        fs::create_dir_all(folder.path().join("policies/bank")).unwrap();
        fs::write(folder.path().join("policies/bank").join(file), "mine").unwrap();
        let run = in_folder(folder.path(), &["new-policy", "policies", "--tenant", "bank"]);
        run.assert_failed("`policies/bank` has a policy already");
        let files = files(folder.path());
        assert!(files.len() == 1 && fs::read_to_string(&files[0]).unwrap() == "mine");
    }
    guardhouse(&["new-policy", "--tenant", "../acme"]).assert_failed("the name of a tenant has 1 to 64");
}

#[test]
fn every_problem_has_its_file_line_key_and_help() {
    let folder = first();
    let policy = folder.path().join("acme/policy.toml");
    replace(&policy, "check = \"readers\"", "check = \"reader\"");
    replace(&policy, "name = \"search*\"", "names = \"search*\"");
    let run = check(folder.path(), &[]);
    let expected = "\
        acme/policy.toml:32:25: error: rules[0].when.names: the key `names` does not exist\n  help: write `name`\n\
        acme/policy.toml:33:9: error: rules[0].check: the check `reader` does not exist\n  help: write `readers`\n\
        1 tenant, 2 errors, 0 warnings, 0 of 0 cases passed\n";
    assert_eq!((run.exit, &*run.stdout), (2, expected), "{run:?}");

    let problem = &check(folder.path(), &["acme", "--json"]).json()["tenants"][0]["errors"][1];
    let expected: Value = json!({
        "file": "policy.toml", "position": { "line": 33, "column": 9 }, "key": "rules[0].check",
        "message": "the check `reader` does not exist", "help": "write `readers`",
    });
    assert_eq!(problem, &expected);
}

#[test]
fn a_check_that_cannot_be_configured_has_its_position() {
    let folder = first();
    replace(&folder.path().join("acme/policy.toml"), "scopes = [\"read\"]", "scopes = 7");
    fs::write(folder.path().join("acme/x.wasm"), "text").unwrap();
    replace(&folder.path().join("acme/policy.toml"), "plugin = \"builtin:argument-limit\"", "plugin = \"x.wasm\"");
    let run = check(folder.path(), &["acme"]);
    assert_eq!(run.exit, 2);
    assert!(run.stdout.contains("acme/policy.toml:14:1: error: checks.readers: settings do not match"), "{run:?}");
    assert!(
        run.stdout.contains("acme/policy.toml:19:1: error: checks.small-amount: not a WebAssembly file"),
        "{run:?}"
    );
}

#[test]
fn a_case_that_fails_is_an_error_and_a_warning_is_not() {
    let folder = first();
    let (policy, cases) = (folder.path().join("acme/policy.toml"), folder.path().join("acme/cases.toml"));
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(
        &policy,
        format!("{text}\n[[rules]]\nwhen = {{ kind = \"prompt\", name = \"x\" }}\nunchecked = \"allow\"\n"),
    )
    .unwrap();
    let run = check(folder.path(), &[]);
    assert_eq!(run.exit, 0);
    assert!(run.stdout.contains("warning: rules[4]: the rule can never match: the rule `prompts` "), "{run:?}");
    assert!(run.stdout.ends_with("1 tenant, 0 errors, 1 warning, 5 of 5 cases passed\n"), "{run:?}");

    replace(&cases, "decision = \"allow\"", "decision = \"deny\"");
    let run = check(folder.path(), &[]);
    let line = "acme/cases.toml:3:1: error: cases[0]: the case `a reader may search` fails: decision: expected deny, found allow\n";
    assert!(run.exit == 2 && run.stdout.starts_with(line), "{run:?}");
    assert!(run.stdout.ends_with("1 tenant, 1 error, 1 warning, 4 of 5 cases passed\n"), "{run:?}");
}

#[test]
fn a_folder_of_tenants_is_checked_as_a_whole() {
    let folder = first();
    in_folder(folder.path(), &["new-policy", "--tenant", "bank"]);
    fs::create_dir(folder.path().join("Bad")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let run = check(folder.path(), &[]);
    assert_eq!(run.exit, 2);
    assert!(run.stdout.starts_with("Bad: error: the folder has no name of a tenant\n  help: "), "{run:?}");
    assert!(run.stdout.contains("empty/policy.toml: error: the file does not exist\n"), "{run:?}");
    assert!(run.stdout.ends_with("4 tenants, 2 errors, 0 warnings, 10 of 10 cases passed\n"), "{run:?}");
}

#[test]
fn without_a_policy_there_is_nothing_to_check() {
    let folder = folder();
    check(folder.path(), &[])
        .assert_failed("neither a `policy.toml` nor a folder of a tenant; `guardhouse new-policy`");
    check(folder.path(), &["nothing"]).assert_failed("`nothing` is not a folder");
}

#[test]
fn a_policy_cannot_write_to_the_terminal() {
    let folder = first();
    let policy = folder.path().join("acme/policy.toml");
    replace(&policy, "check = \"readers\"", "check = \"\\u001b[2J\"");
    let run = check(folder.path(), &["acme"]);
    assert!(run.exit == 2 && !run.stdout.contains('\u{1b}') && run.stdout.contains("`\\u{1b}[2J`"), "{run:?}");
}

#[test]
fn the_commands_of_the_page_about_policies_print_what_it_shows() {
    let folder = folder();
    let page = include_str!("../../../docs/policies.md");
    let blocks = page.split("```console\n").skip(1).filter_map(|block| block.split_once("```"));
    let mut commands = 0;
    for (block, _) in blocks {
        for part in block.split("$ guardhouse ").skip(1) {
            let (command, expected) = part.split_once('\n').unwrap();
            let run = in_folder(folder.path(), &command.split(' ').collect::<Vec<_>>());
            assert_eq!((&*run.stdout, &*run.stderr), (expected, ""), "{command}");
            commands += 1;
        }
    }
    assert_eq!(commands, 2);
}
