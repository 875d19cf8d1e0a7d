//! Runs the command and reads its output.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use guardhouse_tests::guest;
use serde_json::Value;

/// Traps.
pub(crate) const TRAP: &str = include_str!("../../../tests/fixtures/unreachable.wat");
/// Denies without a message.
pub(crate) const DENY: &str = include_str!("../../../tests/fixtures/deny.wat");
/// Never answers.
pub(crate) const LOOP: &str = include_str!("../../../tests/fixtures/loop.wat");
/// Grows its memory until that is denied, and traps.
pub(crate) const MEMORY: &str = include_str!("../../../tests/fixtures/memory-trap.wat");
/// Logs at each level, and traps if the request has a token.
pub(crate) const LOG: &str = include_str!("../../../tests/fixtures/log-lines.wat");

/// Denies with the raw token, which it reads from an interface with this name.
pub(crate) fn raw_token(interface: &str) -> String {
    guest::filled(include_str!("../../../tests/fixtures/raw-token.wat"), &[("interface", interface)])
}

/// A request with a token that has the scope `read`.
pub(crate) const CONTEXT: &str =
    r#"{"token":{"client_id":"c","scopes":["read"],"raw":"secret"},"component":{"kind":"tool","name":"search"}}"#;

/// The result of the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as JSON, which must be one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The names in the JSON object on standard output, sorted.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.json())
    }

    /// Asserts that the command failed, with nothing on standard output and `error` on standard error.
    #[track_caller]
    pub(crate) fn assert_failed(&self, error: &str) {
        assert_eq!((self.exit, self.stdout.as_str()), (1, ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        assert!(self.stderr.contains(error), "`{error}` is not in {self:?}");
    }
}

/// The names in a JSON object, sorted.
pub(crate) fn names(object: &Value) -> Vec<String> {
    let mut names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    names.sort_unstable();
    names
}

/// The command without configuration from the environment. All tests share a cache, which has no entry that is wrong for
/// any of them.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guardhouse"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["CI", "GUARDHOUSE_CACHE", "GUARDHOUSE_LOG", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("caches"));
    command
}

pub(crate) fn run(mut command: Command) -> Run {
    let output = command.output().unwrap();
    Run {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn guardhouse(arguments: &[&str]) -> Run {
    run(command(arguments))
}

pub(crate) fn guardhouse_reading(stdin: &[u8], arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The command may stop reading before the end.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Run {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A new folder, which is removed with the value.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the command in a folder.
pub(crate) fn in_folder(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.current_dir(folder);
    run(command)
}

/// Writes a project in Go whose compiler is a script. The script has the path of the module that it must write in `$2`.
pub(crate) fn project(folder: &Path, compiler: &str) {
    fs::write(folder.join("go.mod"), "module my-check\n").unwrap();
    let tools = folder.join(".venv/bin");
    fs::create_dir_all(&tools).unwrap();
    let script =
        format!("#!/bin/sh\n[ \"$1\" = list ] && exit 0\nwhile [ \"$1\" != -o ]; do shift; done\n{compiler}\n");
    fs::write(tools.join("go"), script).unwrap();
    fs::set_permissions(tools.join("go"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The paths of all files in a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Runs `guardhouse check` with a long deadline, for a busy machine.
pub(crate) fn check(arguments: &[&str]) -> Run {
    guardhouse(&[&["check", "--deadline", "60s", "--context", CONTEXT], arguments].concat())
}

/// The path of a new file with these bytes. Other tests never see half of the file.
pub(crate) fn file(name: &str, bytes: &[u8]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (path, draft) = (folder.join(name), folder.join(format!("{name}.{:?}", std::thread::current().id())));
    fs::write(&draft, bytes).unwrap();
    fs::rename(&draft, &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The path of a new file with a plugin that is given as text.
pub(crate) fn plugin(name: &str, text: &str) -> String {
    file(name, &guest::assemble(text).unwrap())
}
