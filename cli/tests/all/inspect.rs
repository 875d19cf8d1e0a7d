//! `guardhouse inspect`: what a plugin needs, and whether it loads.

use guardhouse_tests::guest;
use serde_json::json;

use crate::harness::{Run, TRAP, file, guardhouse, plugin, raw_token};

/// Runs the command with `--json` and without; both must have the same exit code.
fn inspect(plugin: &str) -> (Run, Run) {
    let runs = (guardhouse(&["inspect", plugin, "--json"]), guardhouse(&["inspect", plugin]));
    assert_eq!(runs.0.exit, runs.1.exit);
    runs
}

#[test]
fn a_plugin_that_loads_is_described() {
    let (run, text) = inspect("builtin:require-scopes");
    let json = run.json();
    assert_eq!(run.exit, 0);
    let names = "code contract digest exports functions imports interfaces loads modules plugin producers settings_schema size types";
    assert_eq!(run.names().join(" "), names);
    assert_eq!(json["contract"], json!(["0.1.0"]));
    assert_eq!(json["interfaces"], json!(["settings", "step-up"]));
    assert_eq!(json["imports"], json!([{"name": "guardhouse:auth/types@0.1.0", "offered": true}]));
    assert_eq!(json["settings_schema"]["type"], "object");
    assert!(text.stdout.ends_with("\nstatus      loads here\n"), "{text:?}");
}

#[test]
fn settings_decide_how_instances_start() {
    let start_mode = |plugin: &str, settings| {
        let run = guardhouse(&["inspect", plugin, "--json", "--settings", settings]);
        assert_eq!(run.exit, 0, "{run:?}");
        run.json()["start_mode"].clone()
    };
    assert_eq!(start_mode("builtin:require-scopes", r#"{"scopes": ["read"]}"#), json!({ "mode": "image" }));
    assert_eq!(
        start_mode("builtin:require-auth", "null"),
        json!({ "mode": "configure", "reason": "there is nothing to configure" })
    );
    let run = guardhouse(&["inspect", "builtin:require-scopes", "--settings", r#"{"scopes": "read"}"#]);
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("`builtin:require-scopes`"), "{run:?}");
}

#[test]
fn the_folder_of_a_cache_is_filled_and_must_belong_to_the_user() {
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
    let (run, text) = inspect(&plugin("raw-token.wasm", &raw_token(name)));
    assert_eq!(run.exit, 0);
    assert_eq!(run.json()["imports"][1], json!({"name": name, "grant": "raw-token", "offered": true}));
    assert!(text.stdout.contains(&format!("\n            {name}  needs `--grant raw-token`\n")), "{text:?}");
}

#[test]
fn an_import_that_is_not_offered_is_marked() {
    let name = "acme:vault/secrets@1.0.0";
    let (run, text) = inspect(&plugin("unknown.wasm", &raw_token(name)));
    let json = run.json();
    assert_eq!(run.exit, 2);
    assert_eq!(json["imports"][0]["offered"], true);
    assert_eq!(json["imports"][1], json!({"name": name, "offered": false}));
    assert_eq!(json["error"], format!("imports what this host does not offer: `{name}`"));
    assert!(text.stdout.contains(&format!("\n            {name}     not offered\n")), "{text:?}");
}

#[test]
fn a_pre_release_of_wasi_is_marked_with_advice() {
    let name = "wasi:cli/environment@0.2.0-rc-2023-11-10";
    let (run, text) = inspect(&plugin("pre-release.wasm", &raw_token(name)));
    let json = run.json();
    assert_eq!(run.exit, 2);
    assert_eq!(json["imports"][1], json!({"name": name, "offered": false}));
    let advice = format!("`{name}` (rebuild it with tools that use a release of WASI 0.2)");
    assert_eq!(json["error"], format!("imports what this host does not offer: {advice}"));
    assert!(text.stdout.contains("not offered\n") && text.stdout.contains(&advice), "{text:?}");
}

#[test]
fn an_interface_of_types_only_is_not_marked() {
    let name = "acme:common/types@1.0.0";
    let items =
        format!(r#"(import "{name}" (instance (type $color' (enum "red")) (export "color" (type (eq $color')))))"#);
    let text = guest::filled(include_str!("../../../tests/fixtures/allow.wat"), &[("items", &items)]);
    let (run, text) = inspect(&plugin("types.wasm", &text));
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.json()["imports"].as_array().unwrap().contains(&json!({"name": name, "offered": true})), "{run:?}");
    assert!(!text.stdout.contains("not offered"), "{text:?}");
}

#[test]
fn a_very_long_name_is_shown_in_full() {
    let name = format!("acme:{}/secrets@1.0.0", "vault".repeat(18_000));
    let (run, text) = inspect(&plugin("long-name.wasm", &raw_token(&name)));
    assert_eq!(run.exit, 2);
    assert!(run.json()["imports"][1]["name"] == name && text.stdout.contains(&name));
    assert!(text.stdout.len() < 3 * name.len(), "other names are padded to the same length");
}

#[test]
fn bytes_that_are_not_a_component_do_not_load() {
    let component = guest::assemble(TRAP).unwrap();
    let module = guest::assemble("(module)").unwrap();
    let cases: &[(&str, &[u8], &str)] = &[
        ("module.wasm", &module, "this is a core WebAssembly module, and a plugin is a component"),
        ("text.wat", b"(component)", "not a WebAssembly file: it starts with `(component)`"),
        ("empty.wasm", b"", "not a WebAssembly file: it starts with nothing, because it is empty"),
        ("cut.wasm", &component[..component.len() / 2], "not a valid component, at byte "),
    ];
    for (name, bytes, error) in cases {
        let (run, text) = inspect(&file(name, bytes));
        let json = run.json();
        assert_eq!((run.exit, run.names().join(" ").as_str()), (2, "digest error loads plugin size"));
        assert_eq!((&json["size"], &json["loads"]), (&json!(bytes.len()), &json!(false)));
        assert!(json["error"].as_str().unwrap().starts_with(error), "{json}");
        assert!(text.stdout.contains(&format!("\nstatus      does not load: {error}")), "{text:?}");
    }
}

#[test]
fn a_component_that_is_not_a_plugin_does_not_load() {
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
fn a_path_that_is_not_a_file_is_an_error_of_the_command() {
    guardhouse(&["inspect", "no/such.wasm"]).assert_failed("cannot read `no/such.wasm`: ");
    guardhouse(&["inspect", env!("CARGO_TARGET_TMPDIR")]).assert_failed(": it is not a regular file");
    guardhouse(&["inspect", "builtin:nothing"]).assert_failed("unknown built-in plugin `nothing`");
}
