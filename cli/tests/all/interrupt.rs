//! Ctrl-C while a project is built.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use guardhouse_tests::guest::assemble;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

use crate::harness::{DENY, command, folder, in_folder, project};

/// Waits until a file has a line.
fn line_of(path: &Path) -> String {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(Instant::now() < end, "{} has no line", path.display()),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_interrupted_build_leaves_no_files_and_no_processes_and_prints_one_line() {
    for (signal, exit, arguments) in
        [(Signal::INT, 130, ["build"]), (Signal::TERM, 143, ["test"]), (Signal::HUP, 129, ["build"])]
    {
        let (folder, temporary) = (folder(), folder());
        project(folder.path(), "cp plugin.wasm \"$2\"");
        fs::write(folder.path().join("plugin.wasm"), assemble(DENY).unwrap()).unwrap();
        fs::write(
            folder.path().join("cases.json"),
            r#"{"cases": [{"name": "a", "outcome": "denied", "context":
            {"component": {"kind": "tool", "name": "search"}}}]}"#,
        )
        .unwrap();
        assert_eq!(in_folder(folder.path(), &["build"]).exit, 0);
        // A tool that prints a traceback at Ctrl-C, writes until it is killed, and has started a process of its own.
        let tool = "trap 'echo Traceback >&2; exit 1' INT\ntrap '' TERM HUP\nfolder=$(mktemp -d)\n\
                    (trap '' INT TERM HUP; n=0; while :; do n=$((n + 1)); echo x > \"$folder/$n\"; done) &\n\
                    echo $! > pid.txt\nwhile :; do sleep 0.01; done";
        project(folder.path(), tool);
        let mut command = command(&arguments);
        command.current_dir(folder.path()).env("TMPDIR", temporary.path()).process_group(0);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let tool: i32 = line_of(&folder.path().join("pid.txt")).parse().unwrap();
        // The terminal sends the signal to every process of the group.
        kill_process_group(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: interrupted: nothing was built\n");
        assert_eq!((output.status.code(), &*output.stdout), (Some(exit), &b""[..]));
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "temporary files are left");
        assert!(test_kill_process(Pid::from_raw(tool).unwrap()).is_err(), "a process of the tool is left");
        assert!(!folder.path().join("build/development/my-check.wasm").exists(), "the old component passes for new");
    }
}
