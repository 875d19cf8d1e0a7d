//! Plugins that take memory, tables or core instances (rule S4): the fault names the right limit, and memory is counted
//! in pages.

use guardhouse::{AuthChecks, Cause, ConfigError, HostLimits, LoadError, Outcome};
use guardhouse_tests::guest::{filled, literal, replaced};

use crate::harness::{Guest, fixture, nobody, small};

const PAGE: usize = 65_536;

#[test]
fn memory_up_to_the_cap_is_granted() {
    let guest = Guest::with("memory-graceful", &[("pages", "100")]).limits(|limits| limits.memory_bytes = 100 * PAGE);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
    let usage = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage;
    assert_eq!(usage.memory_bytes, 100 * PAGE);
}

#[test]
fn a_cap_between_two_pages_is_rounded_down() {
    let guest =
        Guest::with("memory-graceful", &[("pages", "99")]).limits(|limits| limits.memory_bytes = 100 * PAGE - 1);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_handles_a_denied_growth_may_answer() {
    // The default cap: 64 MiB.
    assert_eq!(Guest::with("memory-graceful", &[("pages", "1024")]).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_traps_at_a_denied_growth_fails_with_the_limit() {
    let fault = Guest::new("memory-trap").fails_with(Cause::MemoryLimit);
    assert!(fault.detail.contains("over the cap of 67108864 bytes"), "{fault}");
}

#[test]
fn the_initial_memory_of_a_plugin_counts() {
    let fault = Guest::new("allow").limits(|limits| limits.memory_bytes = PAGE).fails_on_trial(Cause::MemoryLimit);
    assert!(fault.detail.contains("asked for 131072 bytes"), "{fault}");
    assert_eq!(Guest::new("allow").limits(|limits| limits.memory_bytes = 2 * PAGE).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn all_memories_of_an_instance_count_together() {
    let guest = Guest::with("memory-graceful", &[("fields", "(memory $second 40)"), ("pages", "60")]);
    assert_eq!(guest.limits(|limits| limits.memory_bytes = 100 * PAGE).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn memory_that_was_denied_does_not_count() {
    let guest = Guest::new("memory-own-maximum").limits(|limits| limits.memory_bytes = 100 * PAGE);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
    let usage = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody()).checks[0].evaluation.usage;
    assert_eq!(usage.memory_bytes, 5 * PAGE);
}

#[test]
fn a_later_fault_keeps_its_own_cause_after_a_denied_growth() {
    // The plugin handles the denied growth, and then answers with invalid UTF-8: an error whose message is the one byte
    // at 1040.
    let answer = [1, 0, 0, 0, 16, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xff];
    let text = replaced(
        &fixture("memory-graceful"),
        "(select (i32.const 16) (i32.const 32) (i32.eq (memory.size) (i32.const (@pages))))",
        "(i32.const 1024)",
    );
    let text = filled(&text, &[("fields", &format!("(data (i32.const 1024) {})", literal(&answer)))]);
    Guest::from_text("denied memory, then invalid text", &text).fails_with(Cause::InvalidResult);
}

#[test]
fn a_table_up_to_the_cap_is_granted() {
    let guest = Guest::with("table-graceful", &[("elements", "1000")]).limits(|limits| limits.table_elements = 1_000);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_traps_for_lack_of_table_elements_fails_with_the_limit() {
    let fault = Guest::new("table-trap").fails_with(Cause::TableLimit);
    assert!(fault.detail.contains("over the cap of 50000"), "{fault}");
}

#[test]
fn the_limits_of_a_check_may_not_exceed_those_of_its_host() {
    for (limit, guest) in [
        ("memory_bytes", Guest::new("allow").limits(|limits| limits.memory_bytes = 1 << 30)),
        ("table_elements", Guest::new("allow").limits(|limits| limits.table_elements = 50_001)),
    ] {
        let Err(ConfigError::Limit { limit: named, .. }) = guest.configure() else { panic!("configured") };
        assert_eq!(named, limit);
    }
}

#[test]
fn a_plugin_whose_memory_or_table_exceeds_the_limits_of_the_host_does_not_load() {
    for (name, fields) in [
        ("memory", "(memory 4097)"),
        ("table", "(table 50001 funcref)"),
        ("memories", "(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)"),
    ] {
        let result = Guest::with("allow", &[("fields", fields)]).load();
        assert!(matches!(result, Err(LoadError::DoesNotFit(_))), "{name}: {result:?}");
    }
}

#[test]
fn the_error_for_too_many_core_instances_names_the_limit() {
    let items = format!("(core module $empty) {}", "(core instance (instantiate $empty))".repeat(100));
    let error = Guest::with("allow", &[("items", &items)]).configure().unwrap_err();
    assert!(error.to_string().contains("core_instances"), "{error}");
}

#[test]
fn a_plugin_that_needs_more_than_the_whole_capacity_of_the_host_does_not_load() {
    // Three memories count as three instances.
    let guest = Guest::with("allow", &[("fields", "(memory 1) (memory 1)")]);
    let on = |instances| guest.clone().on_own_host(HostLimits { instances, ..small() });
    assert_eq!(on(3).outcome(&nobody()), Outcome::Allow);
    let result = on(2).load();
    let Err(LoadError::DoesNotFit(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("HostLimits::instances"), "{reason}");
}
