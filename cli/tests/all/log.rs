//! Events on standard error while checks run.

use crate::harness::{CONTEXT, TRAP, check, command, plugin, run};

#[test]
fn a_failed_check_logs_one_line_unless_quiet() {
    let trap = plugin("trap.wasm", TRAP);
    let found = check(&["--plugin", &trap, "--json"]).stderr;
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains("WARN") && found.contains("cause=trap") && !found.contains('\u{1b}'), "{found}");
    assert_eq!(check(&["--plugin", &trap, "--quiet"]).stderr, "");
    assert_eq!(check(&["--plugin", &trap, "--explain"]).stderr, "");
}

#[test]
fn the_environment_selects_the_events() {
    let arguments = ["check", "--plugin", "builtin:require-auth", "--context", CONTEXT];
    let with_options = |filter, options: &[&str]| {
        let mut command = command(&[&arguments[..], options].concat());
        command.env("GUARDHOUSE_LOG", filter);
        run(command)
    };
    let with = |filter| with_options(filter, &[]);
    assert_eq!(with("").stderr, "");
    let decided = with("guardhouse::decision=info");
    assert!(decided.stderr.contains("decided") && !decided.stdout.contains("decided"), "{decided:?}");
    assert_eq!(with_options("info", &["--quiet"]).stderr, "");
    with("guardhouse=loud").assert_failed("cannot read `GUARDHOUSE_LOG=guardhouse=loud`: ");
}
