//! `guardhouse inspect`

use guardhouse_tests::guest;
use serde_json::json;

use crate::harness::{RAW_TOKEN, Run, TRAP, file, guardhouse, plugin};

/// What it says in JSON and in text, with the exit code that both have.
fn inspect(plugin: &str) -> (Run, Run) {
    let runs = (guardhouse(&["inspect", plugin, "--json"]), guardhouse(&["inspect", plugin]));
    assert_eq!(runs.0.exit, runs.1.exit);
    runs
}

#[test]
fn a_plugin_that_loads() {
    let (run, text) = inspect("builtin:require-scopes");
    let json = run.json();
    assert_eq!(run.exit, 0);
    let names = "code contract digest exports functions imports interfaces loads modules plugin producers settings_schema size types";
    assert_eq!(run.names().join(" "), names);
    assert_eq!(json["contract"], json!(["0.1.0"]));
    assert_eq!(json["interfaces"], json!(["settings", "step-up"]));
    assert_eq!(json["imports"], json!([{"name": "guardhouse:auth/types@0.1.0", "offered": true}]));
    assert_eq!(json["settings_schema"]["type"], "object");
    assert!(text.stdout.ends_with("\nverdict     loads here\n"), "{text:?}");
}

#[test]
fn settings_tell_where_instances_start() {
    let tier = |plugin: &str, settings| {
        let run = guardhouse(&["inspect", plugin, "--json", "--settings", settings]);
        assert_eq!(run.exit, 0, "{run:?}");
        run.json()["start_mode"].clone()
    };
    assert_eq!(tier("builtin:require-scopes", r#"{"scopes": ["read"]}"#), "starts from an image");
    assert_eq!(tier("builtin:require-auth", "null"), "configures itself: there is nothing to configure");
    let run = guardhouse(&["inspect", "builtin:require-scopes", "--settings", r#"{"scopes": "read"}"#]);
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("`builtin:require-scopes`"), "{run:?}");
}

#[test]
fn a_cache_is_filled_and_must_be_ones_own() {
    use std::os::unix::fs::PermissionsExt;

    let folder = std::path::PathBuf::from(file("a-cache", b"")).with_extension("folder");
    let _ = std::fs::remove_dir_all(&folder);
    let inspect = || guardhouse(&["inspect", "builtin:require-auth", "--cache", folder.to_str().unwrap()]);
    assert_eq!(inspect().exit, 0);
    assert_eq!(std::fs::read_dir(folder.join("code")).unwrap().count(), 2, "the plugin and its machine code");
    assert_eq!(inspect().exit, 0);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let run = inspect();
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("chmod 700"), "{run:?}");
}

#[test]
fn an_import_is_shown_with_its_grant() {
    let name = "guardhouse:auth/raw-token@0.1.0";
    let (run, text) = inspect(&plugin("raw-token.wasm", &RAW_TOKEN.replace("(@interface)", name)));
    assert_eq!(run.exit, 0);
    assert_eq!(run.json()["imports"][1], json!({"name": name, "grant": "raw-token", "offered": true}));
    assert!(text.stdout.contains(&format!("\n            {name}  needs `--grant raw-token`\n")), "{text:?}");
}

#[test]
fn an_import_that_is_not_offered() {
    let name = "acme:vault/secrets@1.0.0";
    let (run, text) = inspect(&plugin("unknown.wasm", &RAW_TOKEN.replace("(@interface)", name)));
    let json = run.json();
    assert_eq!(run.exit, 2);
    assert_eq!(json["imports"][0]["offered"], true);
    assert_eq!(json["imports"][1], json!({"name": name, "offered": false}));
    assert_eq!(json["error"], format!("imports what this host does not offer: `{name}`"));
    assert!(text.stdout.contains(&format!("\n            {name}     not offered\n")), "{text:?}");
}

#[test]
fn a_name_may_be_very_long() {
    let name = format!("acme:{}/secrets@1.0.0", "vault".repeat(18_000));
    let (run, text) = inspect(&plugin("long-name.wasm", &RAW_TOKEN.replace("(@interface)", &name)));
    assert_eq!(run.exit, 2);
    assert!(run.json()["imports"][1]["name"] == name && text.stdout.contains(&name));
    assert!(text.stdout.len() < 3 * name.len(), "the other names are not made as long");
}

#[test]
fn bytes_that_are_no_plugin() {
    let component = guest::assemble(TRAP).unwrap();
    let module = guest::assemble("(module)").unwrap();
    let cases: &[(&str, &[u8], &str)] = &[
        ("module.wasm", &module, "this is a core WebAssembly module, and a plugin is a component"),
        ("text.wat", b"(component)", "not a WebAssembly file: it starts with `(component)`"),
        ("empty.wasm", b"", "not a WebAssembly file"),
        ("cut.wasm", &component[..component.len() / 2], "not a valid component, at byte "),
    ];
    for (name, bytes, error) in cases {
        let (run, text) = inspect(&file(name, bytes));
        let json = run.json();
        assert_eq!((run.exit, run.names().join(" ").as_str()), (2, "digest error loads plugin size"));
        assert_eq!((&json["size"], &json["loads"]), (&json!(bytes.len()), &json!(false)));
        assert!(json["error"].as_str().unwrap().starts_with(error), "{json}");
        assert!(text.stdout.contains(&format!("\nverdict     does not load: {error}")), "{text:?}");
    }
}

#[test]
fn a_component_that_is_no_plugin() {
    let (run, _) = inspect(&plugin("other.wasm", "(component)"));
    let json = run.json();
    assert_eq!((run.exit, &json["contract"], &json["modules"]), (2, &json!([]), &json!(0)));
    assert!(json["error"].as_str().unwrap().starts_with("does not export `guardhouse:auth/check@0.1.0`"), "{json}");
}

#[test]
fn a_file_over_the_cap_is_not_read() {
    let path = file("large.wasm", b"\0asm");
    std::fs::File::options().write(true).open(&path).unwrap().set_len((32 << 20) + 1).unwrap();
    let (run, _) = inspect(&path);
    assert_eq!((run.exit, run.names().join(" ").as_str()), (2, "error loads plugin"));
    assert_eq!(run.json()["error"], "33554433 bytes, over the cap of 33554432 (`HostLimits::plugin_bytes`)");
}

#[test]
fn what_is_no_file_is_an_error_of_the_command() {
    guardhouse(&["inspect", "no/such.wasm"]).assert_failed("cannot read `no/such.wasm`: ");
    guardhouse(&["inspect", env!("CARGO_TARGET_TMPDIR")]).assert_failed(": is a directory");
    guardhouse(&["inspect", "builtin:nothing"]).assert_failed("unknown built-in plugin `nothing`");
}
