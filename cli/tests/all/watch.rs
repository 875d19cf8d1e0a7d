//! `guardhouse test --watch`

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use guardhouse_tests::guest::assemble;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::cases::case;
use crate::harness::{DENY, TRAP, command, folder, project};

/// The lines of a pipe.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    receive
}

struct Watch {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Watch {
    fn start(folder: &Path, temporary: &Path) -> Self {
        let mut command = command(&["test", "--watch"]);
        command.current_dir(folder).env("TMPDIR", temporary);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, stdout, stderr }
    }

    /// Waits for a line.
    #[track_caller]
    fn wait(receiver: &Receiver<String>, expected: &str) {
        loop {
            let line = receiver.recv_timeout(Duration::from_secs(60));
            if line.unwrap_or_else(|error| panic!("`{expected}` did not come: {error}")).contains(expected) {
                return;
            }
        }
    }

    #[track_caller]
    fn out(&self, expected: &str) {
        Self::wait(&self.stdout, expected);
        Self::wait(&self.stderr, "note: waiting for a change; Ctrl-C ends");
    }

    #[track_caller]
    fn error(&self, expected: &str) {
        Self::wait(&self.stderr, expected);
        Self::wait(&self.stderr, "note: waiting for a change; Ctrl-C ends");
    }
}

#[test]
fn a_change_runs_the_tests_again_until_a_signal() {
    let (folder, temporary) = (folder(), folder());
    let path = |name: &str| folder.path().join(name);
    // A hidden file is not a source.
    let compiler = "echo built >> .builds\n[ -e broken.txt ] && exit 1\ncp plugin.wasm \"$2\"";
    project(folder.path(), compiler);
    let cases = |outcome: &str| {
        fs::write(path("cases.json"), json!({ "cases": [case("one", outcome)] }).to_string()).unwrap();
    };
    let plugin = |text: &str| fs::write(path("plugin.wasm"), assemble(text).unwrap()).unwrap();
    let builds = || fs::read_to_string(path(".builds")).unwrap().lines().count();
    plugin(DENY);
    cases("denied");
    let mut watch = Watch::start(folder.path(), temporary.path());
    watch.out("1 passed, 0 failed");
    assert_eq!(builds(), 1);
    cases("failed");
    watch.out("0 passed, 1 failed");
    assert_eq!(builds(), 1, "only the cases changed");
    plugin(TRAP);
    watch.out("1 passed, 0 failed");
    assert_eq!(builds(), 2);
    fs::write(path("cases.json"), "{").unwrap();
    watch.error("error: cannot read the cases in `./cases.json`: EOF");
    cases("denied");
    watch.out("0 passed, 1 failed");
    fs::write(path("broken.txt"), "").unwrap();
    watch.error("error: nothing was tested: ");
    fs::remove_file(path("broken.txt")).unwrap();
    plugin(DENY);
    watch.out("1 passed, 0 failed");
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(130));
    assert_eq!(watch.stderr.iter().collect::<Vec<_>>(), ["error: interrupted"]);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "temporary files are left");
}
