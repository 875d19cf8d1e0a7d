//! A fault names the limit that a plugin exceeded, its value, and the functions that the plugin was in.

use std::time::Duration;

use guardhouse::{AuthChecks, Cause, ConfigError, HostLimits, Limits, LoadError};

use crate::harness::{Guest, nobody, small};

/// An endless function that is called by another; both have names.
const ENDLESS: &str = r#"(component
  (@include "contract")
  (@include "memory")
  (core module $plugin
    (func $spin (@name "spin") (loop $again (br $again)))
    (func $decide (@name "decide") (export "check") (param i32) (result i32) (call $spin) (i32.const 16)))
  (core instance $plugin (instantiate $plugin))
  (@include "check"))"#;

fn endless() -> Guest {
    Guest::from_text("endless", ENDLESS)
}

#[test]
fn a_missed_deadline_names_its_limit_and_the_innermost_functions() {
    let fault = endless().deadline(Duration::from_millis(60)).fails_with(Cause::Deadline);
    let expected =
        "no answer within the deadline, in `spin`, called by `decide`; the limit is 60ms (`Limits::deadline`)";
    assert_eq!(fault.detail, expected);
}

#[test]
fn a_missed_deadline_of_a_decision_is_not_blamed_on_the_check() {
    let checks = [endless().check()];
    let report = AuthChecks::new(&checks).deadline(Duration::from_millis(60)).unwrap().explain_blocking(&nobody());
    let fault = report.checks[0].evaluation.outcome.fault().unwrap();
    assert!(fault.detail.ends_with("ms (the rest of the decision's deadline)"), "{fault}");
}

#[test]
fn a_missed_deadline_of_configure_names_its_own_limit() {
    let guest = Guest::with_settings("true", "", "(loop $again (br $again))");
    let guest = guest.limits(|limits| limits.configure_deadline = Duration::from_millis(60));
    let Err(ConfigError::Fault(fault)) = guest.configure() else { panic!("configured") };
    assert!(fault.detail.ends_with("; the limit is 60ms (`Limits::configure_deadline`)"), "{fault}");
}

#[test]
fn used_up_processor_time_of_configure_names_its_own_limit() {
    let guest = Guest::with_settings("true", "", "(loop $again (br $again))");
    let guest = guest.limits(|limits| limits.configure_cpu_time = Duration::from_millis(60));
    let Err(ConfigError::Fault(fault)) = guest.configure() else { panic!("configured") };
    assert!(fault.detail.ends_with("; the limit is 60ms (`Limits::configure_cpu_time`)"), "{fault}");
}

#[test]
fn used_up_processor_time_of_schema_names_its_own_limit() {
    let Err(LoadError::Schema(fault)) = Guest::with_settings("true", "(loop $again (br $again))", "").load() else {
        panic!("loaded")
    };
    assert!(fault.detail.ends_with("; the limit is 2s (the processor time of `schema`, which is fixed)"), "{fault}");
}

#[test]
fn used_up_processor_time_names_its_limit_and_the_innermost_functions() {
    let guest = endless().limits(|limits| limits.cpu_time = Some(Duration::from_millis(60)));
    let detail = guest.fails_with(Cause::CpuTimeLimit).detail;
    assert!(detail.contains(", in `spin`, called by `decide`; the limit is 60ms (`Limits::cpu_time`)"), "{detail}");
}

#[test]
fn used_up_fuel_names_its_limit_and_the_innermost_functions() {
    let detail = endless().limits(|limits| limits.fuel = Some(1_000)).fails_with(Cause::OutOfFuel).detail;
    assert_eq!(
        detail,
        "the plugin used up its fuel, in `spin`, called by `decide`; the limit is 1000 (`Limits::fuel`)"
    );
}

#[test]
fn a_stack_overflow_names_its_limit_and_each_function_once() {
    let guest = Guest::new("recursion").on_own_host(HostLimits { stack_bytes: 256 << 10, ..small() });
    let detail = guest.fails_with(Cause::StackOverflow).detail;
    let expected = "the plugin's stack overflowed, in `deeper`; the limit is 256KiB (`HostLimits::stack_bytes`)";
    assert_eq!(detail, expected);
}

#[test]
fn every_limit_of_a_check_is_named_with_its_value() {
    let message = |length: &str| Guest::with("long-message", &[("length", length)]);
    type Case = (Guest, fn(&mut Limits), Cause, &'static str, &'static str);
    let cases: [Case; 7] = [
        (
            Guest::new("memory-trap"),
            |limits| limits.memory_bytes = 1 << 20,
            Cause::MemoryLimit,
            "1048576",
            "memory_bytes",
        ),
        (Guest::new("table-trap"), |limits| limits.table_elements = 100, Cause::TableLimit, "100", "table_elements"),
        (Guest::new("handle-flood"), |limits| limits.handles = 77, Cause::HandleLimit, "77", "handles"),
        (Guest::new("allow"), |limits| limits.context_bytes = 1, Cause::ContextLimit, "1", "context_bytes"),
        (message("1025"), |limits| limits.message_bytes = 1 << 10, Cause::MessageLimit, "1024", "message_bytes"),
        (
            Guest::with("log-flood", &[("length", "100")]),
            |limits| limits.log_bytes = 1 << 10,
            Cause::LogLimit,
            "1024",
            "log_bytes",
        ),
        (message("3000"), |limits| limits.host_call_bytes = 2 << 10, Cause::HostCallLimit, "2KiB", "host_call_bytes"),
    ];
    for (guest, set, cause, value, field) in cases {
        let detail = guest.limits(set).fails_with(cause).detail;
        assert!(detail.contains(value), "{value}: {detail}");
        assert!(detail.contains(&format!("`Limits::{field}`")), "{field}: {detail}");
    }
}

#[test]
fn a_plugin_of_too_many_instances_is_not_configured_and_the_limit_is_named() {
    let instances = "(core module $more) ".to_owned() + &"(core instance (instantiate $more)) ".repeat(9);
    let guest = Guest::with("allow", &[("items", &instances)]).limits(|limits| limits.core_instances = 8);
    let Err(ConfigError::Fault(fault)) = guest.configure() else { panic!("configured") };
    assert_eq!(fault.cause, Cause::InstanceLimit);
    assert!(fault.detail.ends_with("; the limit is 8 (`Limits::core_instances`)"), "{fault}");
}
