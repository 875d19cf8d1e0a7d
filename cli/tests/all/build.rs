//! `guardhouse build`, and `guardhouse test`, which builds first. The compiler is a script.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::cases::case;
use crate::harness::{DENY, Run, TRAP, command, folder, in_folder, project, run};

const COPY: &str = "cp plugin.wasm \"$2\"";

/// A project whose component is that of a fixture, and that expects a denial.
fn denying(folder: &Path) {
    project(folder, COPY);
    fs::write(folder.join("plugin.wasm"), assemble(DENY).unwrap()).unwrap();
    fs::write(folder.join("cases.json"), json!({ "cases": [case("one", "denied")] }).to_string()).unwrap();
}

fn result(run: &Run) -> (i32, &str) {
    (run.exit, run.stdout.lines().last().unwrap_or_default())
}

#[test]
fn a_test_builds_what_is_in_the_editor() {
    let folder = folder();
    denying(folder.path());
    let tested = in_folder(folder.path(), &["test"]);
    assert_eq!(result(&tested), (0, "1 passed, 0 failed"), "{tested:?}");
    assert_eq!(tested.stderr, "");
    fs::write(folder.path().join("plugin.wasm"), assemble(TRAP).unwrap()).unwrap();
    let tested = in_folder(folder.path(), &["test"]);
    assert_eq!(result(&tested), (2, "0 passed, 1 failed"), "{tested:?}");
}

#[test]
fn a_failed_build_leaves_nothing_that_passes_for_new() {
    let folder = folder();
    denying(folder.path());
    assert_eq!(in_folder(folder.path(), &["build"]).exit, 0);
    let component = folder.path().join("build/development/my-check.wasm");
    for compiler in ["echo oops >&2; exit 3", "exit 0", "echo text > \"$2\"", "rm -f build/core.wasm; mkfifo \"$2\""] {
        denying(folder.path());
        assert_eq!(in_folder(folder.path(), &["build"]).exit, 0, "{compiler}");
        // A file that the last build left is not an output of the next one.
        fs::remove_file(folder.path().join("build/core.wasm")).unwrap();
        project(folder.path(), compiler);
        let tested = in_folder(folder.path(), &["test"]);
        assert_eq!((tested.exit, &*tested.stdout), (1, ""), "{compiler}: {tested:?}");
        assert!(tested.stderr.contains("error: nothing was tested: "), "{compiler}: {tested:?}");
        assert!(!component.exists(), "{compiler}");
        in_folder(folder.path(), &["test", "--no-build"]).assert_failed("does not exist; run `guardhouse build`");
        let built = in_folder(folder.path(), &["build"]);
        assert_eq!((built.exit, component.exists()), (1, false), "{compiler}: {built:?}");
        let _ = fs::remove_file(folder.path().join("build/core.wasm"));
    }
}

#[test]
fn a_test_without_a_build_says_how_old_the_component_is() {
    let folder = folder();
    denying(folder.path());
    assert_eq!(in_folder(folder.path(), &["build"]).exit, 0);
    let file = |name: &str| fs::File::options().write(true).open(folder.path().join(name)).unwrap();
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
    for name in ["go.mod", "plugin.wasm", "cases.json"] {
        file(name).set_modified(now - 5 * hour).unwrap();
    }
    file("build/development/my-check.wasm").set_modified(now - 2 * hour).unwrap();
    let tested = in_folder(folder.path(), &["test", "--no-build"]);
    assert_eq!(result(&tested), (0, "1 passed, 0 failed"));
    let start = "note: `build/development/my-check.wasm` was built 2 hours ago, after the last change of a source, `";
    assert!(tested.stderr.starts_with(start) && tested.stderr.lines().count() == 1, "{tested:?}");

    file("plugin.wasm").set_modified(now - hour).unwrap();
    let tested = in_folder(folder.path(), &["test", "--no-build"]);
    assert_eq!(result(&tested), (0, "1 passed, 0 failed"));
    let note = "note: `build/development/my-check.wasm` is out of date: it was built 1 hour before `plugin.wasm` was changed; without \
                `--no-build` it is built again\n";
    assert_eq!(tested.stderr, note);
    assert_eq!(in_folder(folder.path(), &["test", "--no-build", "--quiet"]).stderr, "");
}

#[test]
fn the_temporary_files_of_a_build_are_removed_with_those_of_its_tools() {
    let (folder, temporary) = (folder(), folder());
    denying(folder.path());
    for (compiler, exit) in [(COPY, 0), ("false", 1)] {
        project(folder.path(), &format!("mktemp -d > left.txt\nmktemp >> left.txt\n{compiler}"));
        let mut command = command(&["build"]);
        command.current_dir(folder.path()).env("TMPDIR", temporary.path());
        assert_eq!(run(command).exit, exit);
        let left = fs::read_to_string(folder.path().join("left.txt")).unwrap();
        assert!(left.lines().count() == 2 && left.lines().all(|path| Path::new(path).starts_with(temporary.path())));
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "{compiler}");
    }
}

#[test]
fn an_empty_variable_for_temporary_files_counts_as_unset() {
    let folder = folder();
    denying(folder.path());
    let mut command = command(&["build"]);
    command.current_dir(folder.path()).env("TMPDIR", "");
    assert_eq!(run(command).exit, 0);
    let left = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("guardhouse-build-"));
    assert_eq!(left.count(), 0);
}
