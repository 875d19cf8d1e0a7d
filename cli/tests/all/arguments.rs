//! Errors of the command: exit code 1 and nothing on standard output.

use crate::harness::{CONTEXT, check, file, guardhouse};

#[test]
fn invalid_arguments_are_an_error_and_not_a_denial() {
    let auth = "builtin:require-auth";
    let cases: &[(&[&str], &str)] = &[
        (&[], "--plugin <PLUGIN>"),
        (&["--plugin"], "a value is required for '--plugin <PLUGIN>'"),
        (&["--plugin", auth, "--nonsense"], "unexpected argument '--nonsense'"),
        (&["--plugin", auth, "--context", "{}"], "'--context <JSON|@FILE|@->' cannot be used multiple times"),
        (&["--plugin", auth, "--fuel=-1"], "invalid value '-1' for '--fuel <UNITS>'"),
        (&["--plugin", "builtin:nothing"], "unknown built-in plugin `nothing`: use one of `"),
        (&["--plugin", auth, "--grant", "everything"], "possible values: raw-token"),
        (&["--settings", "{}", "--plugin", auth], "must follow a `--plugin`"),
        (&["--grant", "raw-token", "--plugin", auth], "must follow a `--plugin`"),
        (&["--id", "x", "--plugin", auth], "must follow a `--plugin`"),
        (
            &["--plugin", auth, "--settings", "{}", "--settings", "{}"],
            "`--settings` is given twice for `builtin:require-auth`",
        ),
        (&["--plugin", auth, "--id", "x", "--id", "y"], "`--id` is given twice for `builtin:require-auth`"),
        (
            &["--plugin", auth, "--settings", "@-", "--plugin", auth, "--settings", "@-"],
            "`@-` is given 2 times, but standard input can be read only once",
        ),
    ];
    for (arguments, error) in cases {
        check(arguments).assert_failed(error);
        check(&[*arguments, &["--json"]].concat()).assert_failed(error);
    }
    guardhouse(&["check", "--plugin", auth]).assert_failed("--context <JSON|@FILE|@->");
    guardhouse(&["nonsense"]).assert_failed("unrecognized subcommand 'nonsense'");
}

#[test]
fn unusable_plugins_and_settings_are_an_error_and_not_a_denial() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let text = file("text.wasm", b"(component)");
    let cases: &[(&[&str], &str)] = &[
        (&["--plugin", "no/such.wasm"], "cannot read `no/such.wasm`: No such file"),
        (&["--plugin", folder], ": it is not a regular file"),
        (&["--plugin", &text], "not a WebAssembly file"),
        (&["--plugin", "builtin:require-auth", "--settings", "{}"], "this plugin takes no settings"),
        (&["--plugin", "builtin:require-scopes"], "settings do not match the plugin's schema"),
        (
            &["--plugin", "builtin:require-scopes", "--settings", r#"{"scopes": [], "scopes": []}"#],
            "cannot read the settings of `builtin:require-scopes`: duplicate name `scopes`",
        ),
        (
            &["--plugin", "builtin:require-scopes", "--settings", "@no/such.json"],
            "cannot read the settings of `builtin:require-scopes` from `no/such.json`: ",
        ),
        (&["--plugin", "builtin:require-auth", "--deadline", "3600001ms"], "it must be from `1ms` to `1h`"),
    ];
    for (arguments, error) in cases {
        let arguments = [&["check", "--context", CONTEXT], *arguments].concat();
        guardhouse(&arguments).assert_failed(error);
    }
}

#[test]
fn an_unreadable_context_is_an_error_and_not_a_denial() {
    let path = file("forgotten.json", CONTEXT.as_bytes());
    let folder = env!("CARGO_TARGET_TMPDIR");
    let cases = [
        ("{}".to_owned(), "cannot read the context: missing field `component`".to_owned()),
        (
            r#"{"component": {"kind": "tool", "name": 1}}"#.to_owned(),
            "cannot read the context: at `component.name`: invalid type".to_owned(),
        ),
        (path.clone(), format!("cannot read the context (for the file of that name, write `@{path}`): ")),
        (format!("@{folder}"), format!("cannot read the context from `{folder}`: is a directory")),
        ("@-".to_owned(), "cannot read the context from standard input: EOF".to_owned()),
    ];
    for (context, error) in cases {
        guardhouse(&["check", "--plugin", "builtin:require-auth", "--context", &context]).assert_failed(&error);
    }
}

#[test]
fn an_error_cannot_control_the_terminal() {
    let run = guardhouse(&["check", "--plugin", "no\u{1b}[2J\n.wasm", "--context", CONTEXT]);
    run.assert_failed(r"cannot read `no\u{1b}[2J\n.wasm`: ");
}
