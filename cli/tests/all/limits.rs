//! The options for limits.

use guardhouse::{HostLimits, Limits};
use serde_json::{Value, json};

use crate::harness::{CONTEXT, LOOP, guardhouse, plugin};

const AUTH: &str = "builtin:require-auth";

fn check(arguments: &[&str]) -> crate::harness::Run {
    guardhouse(&[&["check", "--plugin", AUTH, "--context", CONTEXT, "--limit", "deadline=60s"], arguments].concat())
}

/// The options that set each limit to its default.
fn all(option: &str, limits: &Value) -> Vec<String> {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string().replace("null", "none"), str::to_owned);
    let fields = limits.as_object().unwrap().iter();
    fields.map(|(name, limit)| format!("{option}={}={}", name.replace('_', "-"), value(limit))).collect()
}

#[test]
fn every_limit_has_an_option_and_is_listed() {
    let help = guardhouse(&["check", "--help"]).stdout;
    let [mut limits, host_limits] = [json!(Limits::default()), json!(HostLimits::default())];
    for name in limits.as_object().unwrap().keys().chain(host_limits.as_object().unwrap().keys()) {
        assert!(help.contains(&format!("{name}=")), "{name} is not in {help}");
    }
    limits.as_object_mut().unwrap().remove("deadline");
    let options = [all("--limit", &limits), all("--host-limit", &host_limits)].concat();
    let run = check(&options.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((run.exit, &*run.stdout), (0, "allow\n"), "{run:?}");
}

#[test]
fn a_limit_that_is_set_is_enforced() {
    let explain = |options: &[&str]| check(&[&["--json", "--explain"], options].concat()).json()["checks"][0].clone();
    assert_eq!(explain(&["--limit", "context-bytes=8B"])["cause"], "context-limit");
    check(&["--host-limit", "plugin-bytes=1KiB"]).assert_failed("over the cap of 1024 (`HostLimits::plugin_bytes`)");
    check(&["--host-limit", "memory-bytes=2MiB"]).assert_failed("the host allows at most 2097152");
    let endless = plugin("endless.wasm", LOOP);
    let run = guardhouse(&[
        "check",
        "--json",
        "--explain",
        "--context",
        CONTEXT,
        "--plugin",
        &endless,
        "--limit",
        "fuel=1000",
        "--limit",
        "deadline=60s",
    ]);
    assert_eq!(run.json()["checks"][0]["cause"], "out-of-fuel");
}

#[test]
fn a_limit_with_which_nothing_works_is_refused_with_the_range() {
    for (arguments, error) in [
        (["--deadline", "0ms"], "it must be from `1ms` to `1h`"),
        (["--deadline", "0s"], "it must be from `1ms` to `1h`"),
        (["--cpu-time", "999us"], "it must be from `1ms` to `1h`"),
        (["--deadline", "61min"], "it must be from `1ms` to `1h`"),
        (["--limit", "configure_cpu_time=0s"], "`configure_cpu_time` must be from `1ms` to `1h`"),
        (["--cpu-time", "0us"], "it must be from `1ms` to `1h`"),
        (["--fuel", "0"], "0 is not in 1.."),
        (["--memory", "0B"], "it must be more than zero"),
        (["--limit", "configure_deadline=0s"], "`configure_deadline` must be from `1ms` to `1h`"),
        (["--limit", "instances=0"], "`instances` must be more than zero"),
        (["--host-limit", "compiler_time=0s"], "`compiler_time` must be more than zero"),
        (["--host-limit", "instances=0"], "`instances` must be more than zero"),
        (["--limit", "nothing=1"], "unknown limit `nothing`: use one of `"),
        (["--host-limit", "deadline=1s"], "unknown limit `deadline`: use one of `"),
        (["--limit", "handles"], "write NAME=VALUE"),
        (["--limit", "deadline=1s"], "`--limit deadline=…` is given twice"),
        (["--deadline", "1s"], "`--deadline` and `--limit deadline=…` are the same limit; give one"),
    ] {
        check(&arguments).assert_failed(error);
    }
    guardhouse(&["test", AUTH, "--deadline", "0ms"]).assert_failed("it must be from `1ms` to `1h`");
    guardhouse(&["inspect", AUTH, "--limit", "handles=1"]).assert_failed("need `--settings`");
}
