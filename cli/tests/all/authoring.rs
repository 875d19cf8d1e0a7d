//! The commands `new`, `build` and `test`, without the toolchains of the languages: `cargo xtask languages` builds and
//! tests a new plugin in each language.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use guardhouse_authoring::Language;
use serde_json::json;

use crate::cases::case;
use crate::harness::{command, files, folder, in_folder, run};

#[test]
fn a_new_plugin_in_each_language_has_no_names_of_the_template() {
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
            // The last text is the fingerprint of the template's Zig package, which depends on its name.
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
            // If a toolchain does not support links, the file is a copy.
            assert_eq!(read(&plugins.join(language)), read(&plugins), "{language}: {file}");
        }
    }
}

#[test]
fn invalid_names_and_unknown_languages_are_rejected() {
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
fn a_folder_without_a_project_and_a_folder_with_two_have_different_errors() {
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

/// Makes a program of a shell script.
fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn settings_of_other_builds_do_not_reach_the_tools_of_a_language() {
    let unwanted: &[(&str, &str, &[&str])] = &[
        (
            "rust",
            "cargo",
            &["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR", "RUSTC", "CARGO_PROFILE_RELEASE_LTO"],
        ),
        ("go", "go", &["GOOS_", "GOROOT", "GOGC", "CC", "CGO_CFLAGS"]),
        ("c", "make", &["CC", "CFLAGS", "MAKEFLAGS", "SDK", "ZIG", "CPATH"]),
        ("zig", ".venv/bin/python", &["ZIG_LIB_DIR", "CFLAGS", "PYTHONPATH"]),
        ("python", ".venv/bin/python", &["PYTHONSTARTUP", "PYTHONHOME", "VIRTUAL_ENV"]),
        ("js", "node", &["NODE_OPTIONS", "NODE_PATH", "npm_config_prefix", "ESBUILD_BINARY_PATH"]),
    ];
    let folder = folder();
    for (language, tool, names) in unwanted {
        let name = format!("my-{language}");
        in_folder(folder.path(), &["new", &name, "--lang", language]);
        let project = folder.path().join(&name);
        let bin = folder.path().join(format!("bin-{language}"));
        program(&if tool.contains('/') { project.join(tool) } else { bin.join(tool) }, "/usr/bin/env >&2; exit 1");
        // The driver of JavaScript must exist.
        let driver = project.join("node_modules/guardhouse-sdk/build.mjs");
        fs::create_dir_all(driver.parent().unwrap()).unwrap();
        fs::write(driver, "").unwrap();
        let mut command = command(&["build"]);
        command.current_dir(&project).env("PATH", &bin).env("WANTED", "found");
        command.envs(names.iter().map(|name| (*name, "unwanted-value")));
        let built = run(command);
        assert!(built.exit == 1 && built.stderr.contains("WANTED=found"), "{language}: {built:?}");
        assert!(!built.stderr.contains("unwanted-value"), "{language}: {built:?}");
    }
}

#[test]
fn settings_of_other_builds_are_overridden_where_a_file_has_them() {
    let folder = folder();
    for (language, tool, settings) in [
        (
            "rust",
            "cargo",
            &[
                "CARGO_ENCODED_RUSTFLAGS=-Clink-arg=-zstack-size=262144\n",
                "RUSTC_WRAPPER=\n",
                "RUSTC_WORKSPACE_WRAPPER=\n",
            ][..],
        ),
        ("go", "go", &["GOWORK=off\n", "GOFLAGS=-trimpath\n", "GOOS=wasip1\n", "GOARCH=wasm\n", "CGO_ENABLED=0\n"]),
    ] {
        let name = format!("my-{language}");
        in_folder(folder.path(), &["new", &name, "--lang", language]);
        program(&folder.path().join("bin").join(tool), "/usr/bin/env >&2; exit 1");
        let mut command = command(&["build", &name]);
        command.current_dir(folder.path()).env("PATH", folder.path().join("bin"));
        command.envs([("GOFLAGS", "-mod=vendor"), ("GOWORK", "/go.work"), ("RUSTC_WRAPPER", "/wrapper")]);
        let built = run(command);
        for setting in settings {
            assert!(built.stderr.contains(setting), "`{setting}` is not in {built:?}");
        }
    }
}

#[test]
fn a_plugin_that_was_not_built_cannot_be_tested() {
    let folder = folder();
    fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
    fs::write(folder.path().join("cases.json"), json!({ "cases": [case("one", "allow")] }).to_string()).unwrap();
    in_folder(folder.path(), &["test", "--no-build"]).assert_failed("does not exist; run `guardhouse build`");
}
