//! `guardhouse inspect --source`: what a component says of its origin.

use std::fs;
use std::path::Path;

use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::{DENY, Run, folder, in_folder, project};

/// Builds a project of two sources; its compiler copies a component.
fn build(folder: &Path) {
    fs::write(folder.join("plugin.bin"), assemble(DENY).unwrap()).unwrap();
    project(folder, "cp plugin.bin \"$2\"");
    fs::write(folder.join("main.go"), "package main\n").unwrap();
    fs::write(folder.join("go.sum"), "").unwrap();
    let built = in_folder(folder, &["build"]);
    assert_eq!(built.exit, 0, "{built:?}");
}

const PLUGIN: &str = "build/development/my-check.wasm";

fn inspect(folder: &Path) -> Run {
    in_folder(folder, &["inspect", PLUGIN, "--source", ".", "--json"])
}

#[test]
fn a_component_is_of_the_sources_until_one_of_them_changes() {
    let folder = folder();
    build(folder.path());
    let equal = inspect(folder.path());
    assert_eq!(equal.exit, 0, "{equal:?}");
    let json = equal.json();
    let states = json!([
        { "part": "sources", "state": "equal" }, { "part": "locks", "state": "equal" }, { "part": "sdk", "state": "unknown" },
    ]);
    assert_eq!((&json["source"]["equal"], &json["source"]["parts"]), (&json!(true), &states), "{json}");
    let files: Vec<&String> = json["origin"]["sources"]["files"].as_object().unwrap().keys().collect();
    assert_eq!(files, ["go.mod", "main.go", "plugin.bin"]);

    // What is not a source, and what tools write, changes nothing.
    fs::write(folder.path().join("cases.json"), "{}").unwrap();
    fs::create_dir_all(folder.path().join("node_modules")).unwrap();
    fs::write(folder.path().join("node_modules/x.js"), "").unwrap();
    assert_eq!(inspect(folder.path()).exit, 0);

    fs::write(folder.path().join("main.go"), "package main // changed\n").unwrap();
    fs::write(folder.path().join("new.go"), "package main\n").unwrap();
    fs::write(folder.path().join("go.sum"), "a v1 h1:\n").unwrap();
    let differs = inspect(folder.path());
    assert_eq!(differs.exit, 2, "{differs:?}");
    assert_eq!(
        differs.json()["source"]["parts"],
        json!([
            { "part": "sources", "state": "differs",
              "files": [{ "path": "main.go", "change": "changed" }, { "path": "new.go", "change": "added" }] },
            { "part": "locks", "state": "differs", "files": [{ "path": "go.sum", "change": "changed" }] },
            { "part": "sdk", "state": "unknown" },
        ])
    );
    let text = in_folder(folder.path(), &["inspect", PLUGIN, "--source", "."]);
    assert!(
        text.stdout.contains("\ncompared    sources    differs\n                       changed  main.go\n"),
        "{text:?}"
    );
    assert!(text.stdout.contains("\norigin      sources    sha256:"), "{text:?}");
}

#[test]
fn an_origin_is_the_same_in_every_folder_and_names_no_place() {
    let (one, other) = (folder(), folder());
    let component = |folder: &Path| {
        build(folder);
        fs::read(folder.join(PLUGIN)).unwrap()
    };
    let built = component(one.path());
    assert_eq!(built, component(other.path()));
    let text = String::from_utf8_lossy(&built);
    assert!(!text.contains(one.path().to_str().unwrap()));
}

#[test]
fn the_copy_of_the_sdk_is_a_part_of_the_origin() {
    let folder = folder();
    let here = folder.path().join("my-check");
    assert_eq!(in_folder(folder.path(), &["new", "my-check", "--lang", "go"]).exit, 0);
    build(&here);
    let equal = inspect(&here);
    assert_eq!((equal.exit, &equal.json()["source"]["parts"][2]["state"]), (0, &json!("equal")), "{equal:?}");
    let sdk = here.join("third_party/guardhouse/guest-sdk/go/README.md");
    fs::write(&sdk, "edited").unwrap();
    let edited = inspect(&here);
    assert_eq!((edited.exit, &edited.json()["source"]["parts"][2]["state"]), (2, &json!("differs")), "{edited:?}");
}

#[test]
fn a_component_without_an_origin_is_of_no_sources() {
    let folder = folder();
    build(folder.path());
    let run = in_folder(folder.path(), &["inspect", "builtin:require-auth", "--source", "."]);
    assert_eq!(run.exit, 2, "{run:?}");
    assert!(run.stdout.contains("\ncompared    origin     unknown\n"), "{run:?}");
    let none = in_folder(folder.path(), &["inspect", "builtin:require-auth", "--source", "build"]);
    none.assert_failed("cannot compare the plugin with its sources: `");
}
