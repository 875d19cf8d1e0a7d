//! The cache of machine code: its folder, and the commands that share it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::cases::case;
use crate::harness::{CONTEXT, Run, command, folder, project, run};

const CHECK: [&str; 6] = ["check", "--deadline=60s", "--plugin", "builtin:require-auth", "--context", CONTEXT];

/// Runs the command with these variables, and without any others for folders.
fn with(variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME").envs(variables.iter().copied());
    run(command)
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder.join("entries")).map_or(0, Iterator::count)
}

#[test]
fn machine_code_is_kept_in_the_user_s_folder_for_caches() {
    let folder = folder();
    let home = folder.path().to_str().unwrap();
    let xdg = folder.path().join("xdg");
    for (variables, cache) in [
        (vec![("HOME", home)], folder.path().join(".cache/guardhouse")),
        (vec![("HOME", "/nonexistent"), ("XDG_CACHE_HOME", xdg.to_str().unwrap())], xdg.join("guardhouse")),
    ] {
        let run = with(&variables, &[&CHECK[..], &["--no-cache"]].concat());
        assert_eq!((run.exit, &*run.stderr, cache.exists()), (0, "", false), "{run:?}");
        let run = with(&variables, &CHECK);
        assert_eq!((run.exit, &*run.stderr), (0, ""), "{run:?}");
        assert_eq!(entries(&cache), 2, "the plugin and its machine code");
        assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let folder = folder();
    let home = folder.path().to_str().unwrap();
    let empty =
        [("HOME", home), ("GUARDHOUSE_CACHE", ""), ("XDG_CACHE_HOME", ""), ("GUARDHOUSE_LOG", ""), ("NO_COLOR", "")];
    let run = with(&empty, &CHECK);
    assert_eq!((run.exit, &*run.stderr), (0, ""), "{run:?}");
    assert_eq!(entries(&folder.path().join(".cache/guardhouse")), 2);
}

#[test]
fn a_variable_that_is_ignored_is_noted() {
    let folder = folder();
    let run = with(&[("HOME", folder.path().to_str().unwrap()), ("XDG_CACHE_HOME", "relative")], &CHECK);
    let note = "note: `XDG_CACHE_HOME` is ignored, because it is not an absolute path\n";
    assert_eq!((run.exit, &*run.stderr), (0, note), "{run:?}");
    assert_eq!(entries(&folder.path().join(".cache/guardhouse")), 2);
}

#[test]
fn a_default_folder_that_cannot_be_used_is_noted_in_one_line() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "").unwrap();
    fs::create_dir_all(path("open/guardhouse")).unwrap();
    fs::set_permissions(path("open/guardhouse"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut homes = vec![("HOME", String::new())];
    // Only root can make a folder of another user.
    fs::create_dir(path("foreign")).unwrap();
    if std::os::unix::fs::chown(path("foreign"), Some(12_345), None).is_ok() {
        homes.push(("HOME", path("foreign")));
    }
    let homes = homes.into_iter().map(|home| vec![home]);
    for variables in homes.chain([
        vec![],
        vec![("HOME", path("file"))],
        vec![("HOME", "/proc".to_owned())],
        vec![("XDG_CACHE_HOME", path("open"))],
    ]) {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let run = with(&variables, &CHECK);
        assert_eq!((run.exit, &*run.stdout), (0, "allow\n"), "{run:?}");
        assert!(run.stderr.starts_with("note: machine code is not cached"), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        for silent in ["--quiet", "--no-cache"] {
            assert_eq!(with(&variables, &[&CHECK[..], &[silent]].concat()).stderr, "", "{silent}");
        }
    }
}

#[test]
fn a_named_folder_that_cannot_be_used_is_an_error_that_names_its_origin() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    with(&[], &[&CHECK[..], &["--cache", file]].concat()).assert_failed("`--cache`: cannot use `");
    with(&[("GUARDHOUSE_CACHE", file)], &CHECK).assert_failed("`GUARDHOUSE_CACHE`: cannot use `");
    with(&[], &[&CHECK[..], &["--cache", ""]].concat()).assert_failed("a value is required for '--cache <FOLDER>'");
    with(&[], &[&CHECK[..], &["--cache", "a", "--no-cache"]].concat()).assert_failed("cannot be used with");
    let run = with(&[("GUARDHOUSE_CACHE", file)], &[&CHECK[..], &["--no-cache"]].concat());
    assert_eq!((run.exit, &*run.stderr), (0, ""), "{run:?}");
}

#[test]
fn the_cache_is_shown_and_cleared() {
    let folder = folder();
    let cache = folder.path().join("cache");
    let name = cache.to_str().unwrap();
    let in_cache = |arguments: &[&str]| with(&[("GUARDHOUSE_CACHE", name)], arguments);
    assert_eq!(in_cache(&["cache", "--json"]).json()["entries"], 0);
    assert!(!cache.exists(), "showing creates no folder");
    assert_eq!(in_cache(&CHECK).exit, 0);
    let shown = in_cache(&["cache", "show", "--json"]).json();
    assert_eq!((&shown["folder"], &shown["entries"]), (&json!(name), &json!(2)));
    assert_eq!(shown["cap_bytes"], json!(4_u64 << 30));
    let bytes = shown["bytes"].as_u64().unwrap();
    assert!(bytes > 10_000, "{shown}");
    let text = in_cache(&["cache"]).stdout;
    for part in
        [&format!("folder      {name}\n"), "entries     2\n", "size        ", "cap         4,294,967,296 bytes (4GiB)"]
    {
        assert!(text.contains(part), "{text}");
    }
    fs::write(cache.join("notes.txt"), "mine").unwrap();
    let cleared = in_cache(&["cache", "clear", "--json"]).json();
    assert_eq!((&cleared["entries"], &cleared["bytes"]), (&json!(2), &json!(bytes)));
    assert_eq!(in_cache(&["cache", "--json"]).json()["bytes"], 0);
    assert!(cache.join("notes.txt").exists());
    assert!(in_cache(&["cache", "clear"]).stdout.starts_with("removed 0 entries, 0 bytes, from `"));
    with(&[], &["cache"]).assert_failed("`HOME` is not set");
}

/// A compiler with this address space cannot start: a command that succeeds has compiled nothing.
const NO_COMPILER: [&str; 2] = ["--host-limit", "compiler_bytes=1MiB"];

/// A plugin that is large enough to be compiled to baseline code, and takes settings.
fn large_plugin() -> Vec<u8> {
    let mut plugin = guardhouse::builtin::REQUIRE_SCOPES.to_vec();
    let padding = vec![b'x'; 300 << 10];
    // A custom section: its id, its length in LEB128, and the length of its name, which is empty.
    let mut length = padding.len() + 1;
    plugin.push(0);
    while length >= 0x80 {
        plugin.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    plugin.push(u8::try_from(length).unwrap());
    plugin.push(0);
    plugin.extend(padding);
    plugin
}

#[test]
fn a_plugin_is_compiled_once_for_all_commands() {
    for plugin in [large_plugin(), guardhouse::builtin::REQUIRE_SCOPES.to_vec()] {
        let folder = folder();
        project(folder.path(), "cp plugin.wasm \"$2\"");
        fs::write(folder.path().join("plugin.wasm"), &plugin).unwrap();
        let cases = json!({ "settings": { "scopes": ["read"] }, "cases": [case("nobody", "denied")] });
        fs::write(folder.path().join("cases.json"), cases.to_string()).unwrap();
        let home = folder.path().join("home");
        let in_project = |arguments: &[&str]| {
            let mut command = command(arguments);
            command.current_dir(folder.path()).env_remove("XDG_CACHE_HOME").env("HOME", &home);
            run(command)
        };
        let built = in_project(&[&["build"], &NO_COMPILER[..]].concat());
        assert!(built.exit == 2 && built.stdout.contains("compiler_bytes"), "a compilation is noticed: {built:?}");

        assert_eq!(in_project(&["build"]).exit, 0);
        let cache = home.join(".cache/guardhouse");
        let code = || fs::read_dir(cache.join("code")).unwrap().count();
        assert_eq!(code(), 2, "the plugin and its machine code");
        let settings = r#"{"scopes": ["read"]}"#;
        let is_large = plugin.len() > 256 << 10;
        let mut commands: Vec<Vec<&str>> = vec![
            vec!["build"],
            vec!["test", "--deadline=60s"],
            vec!["test", "--no-build", "--deadline=60s"],
            vec!["inspect", "build/development/my-check.wasm"],
            vec!["schema", "settings", "build/development/my-check.wasm"],
            vec![
                "check",
                "--plugin",
                "build/development/my-check.wasm",
                "--settings",
                settings,
                "--context",
                CONTEXT,
                "--deadline=60s",
            ],
        ];
        if is_large {
            commands.push(vec!["inspect", "build/development/my-check.wasm", "--settings", settings]);
        }
        for command in commands {
            let run = in_project(&[&command, &NO_COMPILER[..]].concat());
            assert_eq!(run.exit, 0, "{command:?} compiles: {run:?}");
        }
        assert_eq!(code(), 2);

        // An image takes further compilations, each of them once.
        let image: &[&str] =
            &["inspect", "build/development/my-check.wasm", "--json", "--settings", settings, "--image"];
        assert_eq!(in_project(image).json()["start_mode"], json!({ "mode": "image" }));
        let with_image = code();
        assert!(with_image > 2);
        let again = in_project(&[image, &NO_COMPILER[..]].concat());
        assert_eq!(again.json()["start_mode"], json!({ "mode": "image" }), "{again:?}");
        assert_eq!(code(), with_image);
    }
}

#[test]
fn what_inspect_leaves_out_of_a_large_plugin_is_said() {
    let folder = folder();
    fs::write(folder.path().join("large.wasm"), large_plugin()).unwrap();
    let mut command = command(&["inspect", "large.wasm", "--settings", r#"{"scopes": ["read"]}"#]);
    command.current_dir(folder.path());
    let run = run(command);
    assert!(
        run.stdout.contains("start       no image was made of this large plugin; `--image` makes one\n"),
        "{run:?}"
    );
}
