//! The commands that only print: `schema`, `plugins`, `completions`, and `--help` of each command.

use serde_json::Value;

use crate::harness::guardhouse;

#[test]
fn the_schema_of_a_context_is_printed() {
    let run = guardhouse(&["schema", "context"]);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.exit, 0);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["component"].is_object(), "{schema}");
}

#[test]
fn a_printed_schema_is_constant_and_has_no_links_of_the_source_code() {
    let settings = guardhouse::builtin::ALL.iter().map(|builtin| format!("builtin:{}", builtin.name));
    let mut arguments: Vec<Vec<String>> = settings.map(|name| vec!["settings".to_owned(), name]).collect();
    arguments.extend(["context", "policy", "cases"].map(|name| vec![name.to_owned()]));
    for arguments in arguments {
        let arguments: Vec<&str> = ["schema"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let run = guardhouse(&arguments);
        for link in ["[`", "](", "::"] {
            assert!(!run.stdout.contains(link), "{arguments:?}: `{link}` in {}", run.stdout);
        }
    }
    let schema: Value = serde_json::from_str(&guardhouse(&["schema", "context"]).stdout).unwrap();
    assert_eq!(schema["properties"]["now"].get("default"), None, "the time of the host is not a constant");
    let first = guardhouse(&["schema", "context"]).stdout;
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(guardhouse(&["schema", "context"]).stdout, first);
}

#[test]
fn the_schema_of_settings_is_printed() {
    let run = guardhouse(&["schema", "settings", "builtin:require-scopes"]);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.exit, &schema["properties"]["scopes"]["type"]), (0, &"array".into()));
    guardhouse(&["schema", "settings", "builtin:require-auth"])
        .assert_failed("`builtin:require-auth` takes no settings");
}

#[test]
fn the_built_in_plugins_are_listed() {
    let run = guardhouse(&["plugins"]);
    assert_eq!(run.exit, 0);
    for guardhouse::builtin::Builtin { name, .. } in guardhouse::builtin::ALL {
        assert!(run.stdout.contains(&format!("builtin:{name}\n  summary     ")), "{run:?}");
    }
}

#[test]
fn every_shell_has_a_completion_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = guardhouse(&["completions", shell]);
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{shell}");
        for word in ["guardhouse", "upgrade", "force"] {
            assert!(run.stdout.contains(word), "{shell}: `{word}` is missing");
        }
    }
}

#[test]
fn help_is_not_an_error_and_shows_examples() {
    for command in [
        "new",
        "test",
        "upgrade",
        "check",
        "inspect",
        "schema",
        "cache",
        "completions",
        "plugins",
        "new-policy",
        "policy",
    ] {
        let run = guardhouse(&[command, "--help"]);
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains(&format!("Examples:\n  guardhouse {command}")), "{run:?}");
    }
    assert_eq!(guardhouse(&["--version"]).stdout, format!("guardhouse {}\n", env!("CARGO_PKG_VERSION")));
    let run = guardhouse(&[]);
    assert!(run.exit == 1 && run.stdout.is_empty() && run.stderr.contains("Usage:"), "{run:?}");
}
