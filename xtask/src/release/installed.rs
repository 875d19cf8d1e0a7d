//! Uses what was installed: one request is allowed, and one is denied.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{output, run as run_command};

/// The requests, each with the exit code and the first word of the answer.
const REQUESTS: [(&str, i32, &str); 2] = [
    (
        r#"{"token": {"client_id": "alice", "scopes": ["read"]}, "component": {"kind": "tool", "name": "search"}}"#,
        0,
        "allow",
    ),
    (r#"{"token": {"client_id": "alice", "scopes": []}, "component": {"kind": "tool", "name": "search"}}"#, 2, "deny"),
];

/// The same two requests in Python. The package works without FastMCP.
const PYTHON: &str = r#"
import importlib.util
import guardhouse_checks
from guardhouse_checks import AccessToken, AuthContext, Component

assert importlib.util.find_spec("fastmcp") is None
read = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]})
for scopes in (["read"], []):
    context = AuthContext(Component("tool", "search"), AccessToken("alice", scopes))
    print(scopes, guardhouse_checks.run_auth_checks(read, context).allow)
"#;

/// A program of an environment, which sees no other programs and no variables.
pub(super) fn program(programs: &Path, name: &str) -> Command {
    let mut command = Command::new(programs.join(name));
    command.env_clear().env("PATH", programs);
    command
}

/// Uses the command. `guardhouse` makes a call of it, without arguments.
pub(super) fn use_command(guardhouse: impl Fn() -> Command) -> Result<()> {
    print!("{}", output(guardhouse().arg("--version"))?);
    for (request, exit_code, answer) in REQUESTS {
        let mut check = guardhouse();
        check.args(["check", "--plugin", "builtin:require-scopes", "--settings", r#"{"scopes": ["read"]}"#]);
        let decided = check.args(["--context", request]).output().context("cannot run `guardhouse check`")?;
        let shown = String::from_utf8_lossy(&decided.stdout);
        print!("guardhouse check --context '{request}': {shown}{}", String::from_utf8_lossy(&decided.stderr));
        ensure!(decided.status.code() == Some(exit_code) && shown.starts_with(answer), "expected `{answer}`");
    }
    for shell in ["bash", "fish", "zsh"] {
        let completions = output(guardhouse().args(["completions", shell]))?;
        ensure!(completions.contains("guardhouse"), "the completions for {shell} are missing");
    }
    Ok(())
}

/// Uses the Python package in the environment with the folder `programs`.
pub(super) fn use_package(programs: &Path) -> Result<()> {
    let decided = output(program(programs, "python").args(["-c", PYTHON]))?;
    print!("in Python: {}", decided.replace('\n', "\n           ").trim_end_matches(' '));
    ensure!(decided == "['read'] True\n[] False\n", "these are not the expected decisions");
    Ok(())
}

/// Creates a virtual environment, and returns the folder with its programs.
pub(super) fn environment(folder: &Path) -> Result<std::path::PathBuf> {
    run_command(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    Ok(folder.join("bin"))
}
