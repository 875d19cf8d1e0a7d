//! Documents that people write: their encoding, and files that are not files.

use std::fs;

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::harness::{CONTEXT, file, folder, guardhouse, in_folder};

const AUTH: &str = "builtin:require-auth";
const SCOPES: &str = "builtin:require-scopes";
const SETTINGS: &str = r#"{"scopes": ["read"]}"#;
const CASES: &str =
    r#"{"cases": [{"name": "a", "context": {"component": {"kind": "tool", "name": "search"}}, "outcome": "denied"}]}"#;

/// Runs the command with each kind of document in turn, in files with bytes that `encode` makes.
fn with_each_document(name: &str, encode: impl Fn(&str) -> Vec<u8>) -> Vec<crate::harness::Run> {
    let write = |kind: &str, text: &str| file(&format!("{name}-{kind}.json"), &encode(text));
    let (context, settings, cases) = (write("context", CONTEXT), write("settings", SETTINGS), write("cases", CASES));
    let (context, settings) = (format!("@{context}"), format!("@{settings}"));
    vec![
        guardhouse(&["check", "--deadline=60s", "--plugin", AUTH, "--context", &context]),
        guardhouse(&["check", "--deadline=60s", "--plugin", SCOPES, "--settings", &settings, "--context", CONTEXT]),
        guardhouse(&["inspect", SCOPES, "--settings", &settings]),
        guardhouse(&["test", AUTH, "--cases", &cases]),
    ]
}

#[test]
fn a_byte_order_mark_is_skipped_in_every_document() {
    for run in with_each_document("marked", |text| format!("\u{feff}{text}").into_bytes()) {
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{run:?}");
    }
}

#[test]
fn another_encoding_is_named_with_its_remedy() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        for mark in ["", "\u{feff}"] {
            let encode = |text: &str| format!("{mark}{text}").encode_utf16().flat_map(order).collect();
            for run in with_each_document("utf-16", encode) {
                run.assert_failed("the document is UTF-16, and JSON is UTF-8: save it as UTF-8");
            }
        }
    }
    let latin_1 = |text: &str| -> Vec<u8> {
        let text = text.replace("search", "?").replace("read", "?");
        text.bytes().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect()
    };
    for run in with_each_document("latin-1", latin_1) {
        run.assert_failed("the document is not UTF-8: byte 0xe9 at line 1 column ");
    }
}

#[test]
fn a_pipe_without_a_writer_does_not_block() {
    let folder = folder();
    for name in ["pipe.json", "cases.json", "go.mod"] {
        mkfifoat(CWD, folder.path().join(name), Mode::RWXU).unwrap();
    }
    let error = "is not a regular file; to read a pipe, use `@-`";
    let runs: [(&[&str], &str); 4] = [
        (&["check", "--plugin", AUTH, "--context", "@pipe.json"], error),
        (&["check", "--plugin", SCOPES, "--settings", "@pipe.json", "--context", CONTEXT], error),
        (&["test", AUTH], error),
        (&["build"], "is not the folder of a plugin"),
    ];
    for (arguments, error) in runs {
        in_folder(folder.path(), arguments).assert_failed(error);
    }
}

#[test]
fn a_pipe_of_the_shell_is_read() {
    let folder = folder();
    fs::write(folder.path().join("context.json"), CONTEXT).unwrap();
    let script = format!(
        "cat context.json | '{}' check --deadline 60s --plugin {AUTH} --context @/dev/fd/0",
        env!("CARGO_BIN_EXE_guardhouse")
    );
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &script]).current_dir(folder.path()).env("HOME", folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "allow\n");
}
