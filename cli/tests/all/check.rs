//! `guardhouse check`: the part of a decision that the caller may see.

use serde_json::{Value, json};

use crate::harness::{
    CONTEXT, DENY, LOOP, MEMORY, TRAP, check, command, file, guardhouse, guardhouse_reading, plugin, raw_token,
};

const AUTH: &str = "builtin:require-auth";
const SCOPES: &str = "builtin:require-scopes";
const MESSAGE: &str = "builtin:deny-with-message";

/// The output with `ID` in the place of the decision's identifier, so that runs can be compared.
fn without_id(text: &str) -> String {
    let digits = |word: &&str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = text.split(|c: char| !c.is_ascii_alphanumeric()).find(digits);
    id.map_or_else(|| text.to_owned(), |id| text.replace(id, "ID"))
}

#[test]
fn every_decision_has_its_exit_code_and_its_text() {
    let (deny, trap) = (plugin("deny.wasm", DENY), plugin("trap.wasm", TRAP));
    let cases: &[(&[&str], i32, &str, Value)] = &[
        (&["--plugin", AUTH], 0, "allow\n", json!({"decision": "allow", "id": "ID"})),
        (&["--plugin", &deny], 2, "deny (decision ID)\n", json!({"decision": "deny", "id": "ID"})),
        (&["--plugin", &trap], 2, "deny (decision ID)\n", json!({"decision": "deny", "id": "ID"})),
        (
            &["--plugin", MESSAGE, "--settings", r#"{"message": "not on Sundays"}"#],
            2,
            "deny (decision ID): not on Sundays\n",
            json!({"decision": "deny", "id": "ID", "message": "not on Sundays"}),
        ),
        (
            &["--plugin", MESSAGE, "--settings", r#"{"message": ""}"#],
            2,
            "deny (decision ID): \n",
            json!({"decision": "deny", "id": "ID", "message": ""}),
        ),
        (
            &["--missing-scopes", "--plugin", SCOPES, "--settings", r#"{"scopes": ["write", "read", "admin"]}"#],
            2,
            "deny (decision ID), missing scopes `admin`, `write`\n",
            json!({"decision": "deny", "id": "ID", "missing_scopes": ["admin", "write"]}),
        ),
        (&["--missing-scopes", "--plugin", &deny], 2, "deny (decision ID)\n", json!({"decision": "deny", "id": "ID"})),
        (
            &["--plugin", SCOPES, "--settings", r#"{"scopes": ["write"]}"#],
            2,
            "deny (decision ID)\n",
            json!({"decision": "deny", "id": "ID"}),
        ),
    ];
    for (arguments, exit, text, json) in cases {
        let run = check(arguments);
        assert_eq!((run.exit, without_id(&run.stdout).as_str()), (*exit, *text), "{arguments:?}");
        let run = check(&[*arguments, &["--json"]].concat());
        let found: Value = serde_json::from_str(&without_id(&run.json().to_string())).unwrap();
        assert_eq!((run.exit, &found), (*exit, json), "{arguments:?}");
    }
}

#[test]
fn a_failed_check_looks_like_a_denial_without_a_message() {
    let (deny, trap) = (plugin("deny.wasm", DENY), plugin("trap.wasm", TRAP));
    for options in [&["--quiet"][..], &["--quiet", "--json"], &["--quiet", "--missing-scopes", "--json"]] {
        let mut runs = [&deny, &trap].map(|plugin| check(&[&["--plugin", plugin][..], options].concat()));
        for run in &mut runs {
            run.stdout = without_id(&run.stdout);
        }
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].stderr, "");
    }
}

#[test]
fn plugins_are_called_in_order_until_one_does_not_allow() {
    let first = ["--plugin", AUTH, "--plugin", MESSAGE, "--settings", r#"{"message": "second"}"#];
    let run = check(&[&first[..], &["--plugin", MESSAGE, "--settings", r#"{"message": "third"}"#]].concat());
    assert_eq!(run.exit, 2);
    assert!(run.stdout.ends_with(": second\n"), "{run:?}");
}

#[test]
fn a_message_cannot_control_the_terminal() {
    let message = "a\u{1b}[2Jb\r\nallow\u{9b}31m\u{202e}c\u{7f} \u{fc}\\n";
    let settings = json!({"message": message}).to_string();
    let arguments = ["--plugin", MESSAGE, "--settings", &settings];
    let run = check(&arguments);
    let shown = r"a\u{1b}[2Jb\r\nallow\u{9b}31m\u{202e}c\u{7f} ü\n";
    assert!(run.stdout.ends_with(&format!(": {shown}\n")), "{run:?}");

    let run = check(&[&arguments[..], &["--json"]].concat());
    assert_eq!(run.json()["message"], message);
    let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!run.stdout.contains(obeyed), "{run:?}");
}

#[test]
fn settings_grants_and_names_belong_to_the_plugin_before_them() {
    let raw_token = plugin("raw-token.wasm", &raw_token("guardhouse:auth/raw-token@0.1.0"));
    let granted = check(&["--plugin", AUTH, "--plugin", &raw_token, "--grant", "raw-token"]);
    assert!(granted.exit == 2 && granted.stdout.ends_with(": secret\n"), "{granted:?}");
    let run = check(&["--plugin", AUTH, "--grant", "raw-token", "--plugin", &raw_token]);
    run.assert_failed(&format!("cannot make a check of `{raw_token}`: "));

    let both = [r#"{"scopes": ["read"]}"#, r#"{"scopes": ["write"]}"#];
    let run = check(
        &["--json", "--explain", "--plugin", SCOPES, "--id", "1", "--settings", both[0], "--plugin", SCOPES]
            .into_iter()
            .chain(["--id=2", "--settings", both[1]])
            .collect::<Vec<_>>(),
    );
    let outcomes =
        |index: usize| (run.json()["checks"][index]["id"].clone(), run.json()["checks"][index]["outcome"].clone());
    assert_eq!(outcomes(0), ("1".into(), "allow".into()));
    assert_eq!(outcomes(1), ("2".into(), "denied".into()));
}

#[test]
fn documents_come_from_arguments_files_and_standard_input() {
    let settings = r#"{"scopes": ["read"]}"#;
    let (context_at, settings_at) =
        (file("context.json", CONTEXT.as_bytes()), file("settings.json", settings.as_bytes()));
    let (context_at, settings_at) = (format!("@{context_at}"), format!("@{settings_at}"));
    for (context, settings, stdin) in
        [(CONTEXT, settings, ""), (&context_at, &settings_at, ""), ("@-", settings, CONTEXT), (CONTEXT, "@-", settings)]
    {
        let arguments = ["check", "--plugin", SCOPES, "--settings", settings, "--context", context];
        let run = guardhouse_reading(stdin.as_bytes(), &[&arguments[..], &["--deadline=60s"]].concat());
        assert_eq!((run.exit, run.stdout.as_str()), (0, "allow\n"), "{run:?}");
    }
}

#[test]
fn documents_are_read_only_up_to_their_cap() {
    let large = vec![b' '; (1 << 20) + 1];
    let run = guardhouse_reading(&large, &["check", "--plugin", AUTH, "--context", "@-"]);
    run.assert_failed("cannot read the context from standard input: over the cap of 1048576 bytes");
    let path = file("large.json", &large);
    let run = guardhouse(&["check", "--plugin", AUTH, "--context", &format!("@{path}")]);
    run.assert_failed(&format!("cannot read the context from `{path}`: over the cap of 1048576 bytes"));
    let run = check(&["--plugin", SCOPES, "--settings", &format!("@{path}")]);
    run.assert_failed(&format!("cannot read the settings of `{SCOPES}` from `{path}`: over the cap of 1048576 bytes"));
}

#[test]
fn limits_apply_to_every_plugin() {
    let (endless, greedy) = (plugin("loop.wasm", LOOP), plugin("memory.wasm", MEMORY));
    let cases: &[(&[&str], &str)] = &[
        (&["--fuel", "1000", "--deadline", "60s", "--plugin", &endless], "out-of-fuel"),
        (&["--deadline", "10ms", "--plugin", &endless], "deadline"),
        (&["--memory", "1000000B", "--deadline", "60s", "--plugin", &greedy], "memory-limit"),
    ];
    for (arguments, cause) in cases {
        let run = guardhouse(&[&["check", "--json", "--explain", "--context", CONTEXT], *arguments].concat());
        let json = run.json();
        assert_eq!((run.exit, &json["checks"][0]["cause"]), (2, &json!(cause)), "{json}");
    }
}

/// The exit code must not allow if the answer cannot be read.
#[cfg(target_os = "linux")]
#[test]
fn a_decision_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = command(&["check", "--plugin", AUTH, "--context", CONTEXT, "--deadline", "60s"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"error: cannot write to standard output: "), "{output:?}");
}
