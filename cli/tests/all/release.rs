//! `guardhouse build --release`: only what passes the cases is where servers load it.

use std::fs;
use std::path::Path;

use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::cases::case;
use crate::harness::{DENY, Run, TRAP, folder, in_folder, project};

fn with(folder: &Path, compiler: &str, plugin: &str, outcome: &str) {
    project(folder, compiler);
    fs::write(folder.join("plugin.wasm"), assemble(plugin).unwrap()).unwrap();
    fs::write(folder.join("cases.json"), json!({ "cases": [case("one", outcome)] }).to_string()).unwrap();
}

const COPY: &str = "cp plugin.wasm \"$2\"";

fn build(folder: &Path) -> Run {
    in_folder(folder, &["build", "--release"])
}

#[test]
fn a_release_that_passes_is_written_and_a_development_build_is_not_one() {
    let folder = folder();
    with(folder.path(), COPY, DENY, "denied");
    let [release, development, candidate] =
        ["", "development/", "candidate/"].map(|place| folder.path().join(format!("build/{place}my-check.wasm")));
    let built = in_folder(folder.path(), &["build"]);
    assert_eq!((built.exit, development.is_file(), release.exists()), (0, true, false), "{built:?}");
    let end = "\nThis is a development build, for `guardhouse test`: `build/development/my-check.wasm`.\nServers load the \
               one that `guardhouse build --release` writes: `build/my-check.wasm`.\n";
    assert!(built.stdout.ends_with(end), "{built:?}");

    let built = build(folder.path());
    assert_eq!((built.exit, release.is_file(), candidate.exists()), (0, true, false), "{built:?}");
    assert!(built.stdout.starts_with("plugin      build/my-check.wasm\n"), "{built:?}");
    for part in
        ["\ncases       1 passed, 0 failed\n", "\nThis is the build for servers: `build/my-check.wasm`.\nNext: "]
    {
        assert!(built.stdout.contains(part), "`{part}` is not in {built:?}");
    }
    assert!(!folder.path().join("build/candidate").exists());
    let tested = in_folder(folder.path(), &["test", "--release", "--no-build"]);
    let first = "my-check: release build `build/my-check.wasm`, optimizing compiler\n";
    assert!(tested.exit == 0 && tested.stdout.starts_with(first), "{tested:?}");
}

#[test]
fn a_release_that_fails_in_any_way_is_not_written_and_the_old_one_is_removed() {
    let folder = folder();
    let path = |name: &str| folder.path().join("build").join(name);
    let text = "echo text > \"$2\"";
    let foreign = "(component (import \"a:b/c@1.0.0\" (instance (export \"f\" (func)))))";
    for (compiler, plugin, outcome, exit, part) in [
        (COPY, DENY, "allow", 2, "FAIL one\n     outcome: expected allow, found denied\n"),
        (COPY, TRAP, "denied", 2, "0 passed, 1 failed, optimizing compiler\n`build/my-check.wasm` was not written"),
        (COPY, foreign, "denied", 2, "\n`build/my-check.wasm` was not written.\n"),
        ("exit 3", DENY, "denied", 1, "error: cannot build `my-check`"),
        (text, DENY, "denied", 1, "error: "),
        (
            COPY,
            DENY,
            "denies",
            1,
            "error: nothing was built: cannot read the cases in `./cases.json`: at `cases[0].outcome`",
        ),
    ] {
        with(folder.path(), COPY, DENY, "denied");
        assert_eq!(build(folder.path()).exit, 0);
        let _ = fs::remove_file(path("core.wasm"));
        with(folder.path(), compiler, plugin, outcome);
        let built = build(folder.path());
        assert_eq!((built.exit, path("my-check.wasm").exists()), (exit, false), "{compiler} {built:?}");
        assert!(format!("{}{}", built.stdout, built.stderr).contains(part), "`{part}` is not in {built:?}");
        // What was built and fails can be looked at; what was not built is not there.
        assert_eq!(path("candidate/my-check.wasm").exists(), exit == 2, "{compiler} {built:?}");
        in_folder(folder.path(), &["test", "--no-build", "--release"]).assert_failed(if outcome == "denies" {
            "unknown variant"
        } else {
            "does not exist; run `guardhouse build --release`"
        });
    }
}

#[test]
fn a_project_without_cases_is_released_with_a_note() {
    let folder = folder();
    with(folder.path(), COPY, DENY, "denied");
    fs::remove_file(folder.path().join("cases.json")).unwrap();
    let built = build(folder.path());
    assert!(built.exit == 0 && built.stdout.contains("\ncases       none\n"), "{built:?}");
    assert_eq!(built.stderr, "note: `./cases.json` does not exist, so no answer was compared\n");
    assert!(folder.path().join("build/my-check.wasm").is_file());
}

#[test]
fn a_test_of_the_release_leaves_it_where_no_server_loads_it() {
    let folder = folder();
    with(folder.path(), COPY, DENY, "denied");
    assert_eq!(build(folder.path()).exit, 0);
    let old = fs::metadata(folder.path().join("build/my-check.wasm")).unwrap().modified().unwrap();
    let tested = in_folder(folder.path(), &["test", "--release"]);
    let first = "my-check: release build `build/candidate/my-check.wasm`, optimizing compiler\n";
    assert!(tested.exit == 0 && tested.stdout.starts_with(first), "{tested:?}");
    assert_eq!(fs::metadata(folder.path().join("build/my-check.wasm")).unwrap().modified().unwrap(), old);
}
