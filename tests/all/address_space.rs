//! Hosts in processes with little address space: they reserve less, say so, and answer the same.

use std::process::Command;

use guardhouse::{
    AuthChecks, Cause, CheckConfig, Host, HostError, HostLimits, ImagePolicy, Outcome, Plugin, StartMode,
    run_auth_checks_blocking,
};
use guardhouse_tests::guest::replaced;
use serde_json::json;

use crate::cache_folder::CacheFolder;
use crate::compiler::process;
use crate::harness::{Guest, builtin_on, cause, fixture, nobody, of_pool, patient, settings, somebody};

/// The environment variable that says which compiler a process uses: `baseline` or not, and `process` or not.
const COMPILER: &str = "GUARDHOUSE_TEST_COMPILER";

/// Runs an ignored test of this file in a process with `kilobytes` of address space, and with this compiler.
fn succeeds_within(kilobytes: u64, test: &str, compiler: &str) {
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("ulimit -v {kilobytes} && exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("address_space::{test}"), "--ignored", "--nocapture", "--test-threads", "1"])
        .env(COMPILER, compiler)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    assert!(out.contains("1 passed"), "{out}");
}

#[test]
fn a_host_under_a_limit_on_address_space_starts_and_answers_the_same() {
    for compiler in ["optimized", "baseline", "optimized process", "baseline process"] {
        succeeds_within(8_000_000, "a_host_with_little_address_space", compiler);
    }
}

#[test]
fn machine_code_for_another_reservation_is_not_loaded_from_the_cache() {
    succeeds_within(8_000_000, "a_cache_with_little_address_space", "");
}

#[test]
fn a_host_that_does_not_fit_at_all_is_an_error_that_names_the_remedy() {
    succeeds_within(1_000_000, "a_host_with_no_address_space", "");
}

/// A plugin that reads at an address that it computes, from a memory of two pages that it has grown to three.
fn reads(address: u32, offset: u32) -> String {
    let text = fixture("memory-trap");
    let grows = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16)))))";
    let text = replaced(&text, grows, "(drop (memory.grow (i32.const 1)))");
    // Its argument divided by itself is 1, which no compiler knows.
    let factor = "(i32.div_u (local.get 0) (local.get 0))";
    let load = format!("(i32.load offset={offset} (i32.mul (i32.const {}) {factor}))", address.cast_signed());
    replaced(&text, "unreachable))", &format!("(drop {load}) (i32.const 16)))"))
}

fn answers_right(host: &Host) {
    let loaded = |text: &str| Guest::from_text("address", text).on_host(host);
    for (name, allows) in [("allow", true), ("deny", false)] {
        for kind in ["small", "large", "async"] {
            let text = of_pool(&fixture(name), kind);
            let decision = run_auth_checks_blocking(&[loaded(&text).check()], &nobody());
            assert_eq!(decision.is_allow(), allows, "{name}, {kind}");
        }
    }
    let end = 3 << 16;
    for (address, offset, is_inside) in [
        (0, 0, true),
        (end - 4, 0, true),
        (4, end - 8, true),
        (end - 3, 0, false),
        (end, 0, false),
        (0, end, false),
        (1 << 28, 0, false),
        ((1 << 28) + (1 << 16), 0, false),
        (1 << 31, 0, false),
        (u32::MAX, 0, false),
        (0, u32::MAX, false),
        (u32::MAX, u32::MAX, false),
        (end, u32::MAX - end, false),
    ] {
        let check = loaded(&reads(address, offset)).check();
        for _ in 0..3 {
            let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
            match &report.checks[0].evaluation.outcome {
                Outcome::Allow => assert!(is_inside, "{address} + {offset}"),
                outcome => {
                    assert!(!is_inside, "{address} + {offset}: {outcome:?}");
                    assert_eq!(cause(&report), Some(Cause::Trap), "{address} + {offset}: {outcome:?}");
                }
            }
        }
    }
    loaded(&fixture("memory-trap")).fails_with(Cause::MemoryLimit);
    let plugin = builtin_on(host, "require-scopes");
    let config = CheckConfig { image: ImagePolicy::Eager, ..settings(json!({ "scopes": ["read"] })) };
    let check = guardhouse::Check::new(&plugin, CheckConfig { limits: patient(), ..config }).unwrap();
    assert_eq!(check.start_mode(), StartMode::Image);
    for _ in 0..20 {
        assert!(run_auth_checks_blocking(&[&check], &somebody(&["read"])).is_allow());
        assert!(!run_auth_checks_blocking(&[&check], &nobody()).is_allow());
    }
}

#[test]
#[ignore = "runs in a process with little address space"]
fn a_host_with_little_address_space() {
    let compiler = std::env::var(COMPILER).expect("the test that starts this process sets it");
    let builder = Host::builder().baseline_from(if compiler.starts_with("baseline") { 0 } else { usize::MAX });
    let builder = if compiler.ends_with("process") { builder.compiler(process()) } else { builder };
    let host = builder.build().unwrap();
    let advice: Vec<String> = host.advice().iter().map(ToString::to_string).collect();
    println!("{compiler}: {advice:?}");
    assert!(advice.iter().any(|advice| advice.contains("`ulimit -v unlimited`")), "{advice:?}");
    assert!(advice.iter().any(|advice| advice.contains("instead of 256 and 32")), "{advice:?}");
    assert!((2..256).contains(&host.limits().instances), "{:?}", host.limits());
    answers_right(&host);
}

#[test]
#[ignore = "runs in a process with little address space"]
fn a_cache_with_little_address_space() {
    let folder = CacheFolder::new();
    // A memory of 64 MiB needs less address space than one of 256 MiB: the machine code differs.
    for memory_bytes in [64 << 20, 256 << 20] {
        let limits = HostLimits { memory_bytes, ..HostLimits::default() };
        for builder in [folder.builder(), folder.builder().compiler(process())] {
            let host = builder.limits(limits.clone()).build().unwrap();
            let guest = Guest::new("allow").on_host(&host);
            assert!(run_auth_checks_blocking(&[guest.check()], &nobody()).is_allow());
        }
        // The host loads the code that the process has compiled: it compiles nothing now.
        let nothing = guardhouse::CompilerProcess::new("/no/such/program");
        let host = folder.builder().limits(limits).compiler(nothing).build().unwrap();
        assert!(Plugin::load(&host, Guest::new("allow").bytes()).is_ok());
        println!("{memory_bytes}: {:?}", folder.files("entries"));
    }
    // The code of each of the two, and the source.
    assert_eq!(folder.files("entries").len(), 3);
}

#[test]
#[ignore = "runs in a process with little address space"]
fn a_host_with_no_address_space() {
    let Err(HostError::Engine(reason)) = Host::new().map(drop) else { panic!("it fits") };
    println!("{reason}");
    assert!(reason.contains("`ulimit -v`") && reason.contains("`HostLimits::memory_bytes`"), "{reason}");
}
