//! Plugins that take memory, tables or instances (rule S4): each limit by its own name, and counted in pages.

use guardhouse::{Cause, ConfigError, HostLimits, LoadError, Outcome, blocking};

use crate::harness::{Guest, nobody, small};

const PAGE: usize = 65_536;

#[test]
fn memory_up_to_the_cap_is_given() {
    let guest = Guest::with("memory-graceful", &[("pages", "100")]).limits(|limits| limits.memory_bytes = 100 * PAGE);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
    let usage = blocking::explain_auth_checks(&[guest.check()], &nobody()).checks[0].usage;
    assert_eq!(usage.memory_bytes, 100 * PAGE);
}

#[test]
fn a_cap_between_two_pages_gives_the_lower_one() {
    let guest =
        Guest::with("memory-graceful", &[("pages", "99")]).limits(|limits| limits.memory_bytes = 100 * PAGE - 1);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_lives_with_a_refusal_may_answer() {
    // The default cap: 64 MiB.
    assert_eq!(Guest::with("memory-graceful", &[("pages", "1024")]).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_traps_at_a_refusal_names_the_limit() {
    let fault = Guest::new("memory-trap").is_masked(Cause::MemoryLimit);
    assert!(fault.detail.contains("over the cap of 67108864 bytes"), "{fault}");
}

#[test]
fn memory_that_a_plugin_begins_with_counts() {
    let fault = Guest::new("allow").limits(|limits| limits.memory_bytes = PAGE).fails_on_trial(Cause::MemoryLimit);
    assert!(fault.detail.contains("asked for 131072 bytes"), "{fault}");
    assert_eq!(Guest::new("allow").limits(|limits| limits.memory_bytes = 2 * PAGE).outcome(&nobody()), Outcome::Allow);
}

#[test]
fn all_memories_of_an_instance_count_together() {
    let text = crate::harness::fixture("memory-graceful").replace(
        "(func (export",
        "(memory $second 40)
         (func (export",
    );
    let text = text.replace("(@pages)", "60");
    let guest = Guest::from_text("two memories", &text).limits(|limits| limits.memory_bytes = 100 * PAGE);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn memory_that_was_never_given_does_not_count() {
    let guest = Guest::new("memory-own-maximum").limits(|limits| limits.memory_bytes = 100 * PAGE);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
    let usage = blocking::explain_auth_checks(&[guest.check()], &nobody()).checks[0].usage;
    assert_eq!(usage.memory_bytes, 5 * PAGE);
}

#[test]
fn a_later_fault_of_another_kind_keeps_its_own_name() {
    // Lives with the refusal, and then answers with text that is none.
    let text = crate::harness::fixture("memory-graceful")
        .replace("(select (i32.const 16) (i32.const 32) (i32.eq (memory.size) (i32.const (@pages))))", "(i32.const 1024)")
        .replace("(func (export", "(data (i32.const 1024) \"\\01\\00\\00\\00\\10\\04\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\ff\") (func (export");
    Guest::from_text("refused memory, then bad text", &text).is_masked(Cause::InvalidResult);
}

#[test]
fn a_table_up_to_the_cap_is_given() {
    let guest = Guest::with("table-graceful", &[("elements", "1000")]).limits(|limits| limits.table_elements = 1_000);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_that_traps_for_want_of_table_elements_names_the_limit() {
    let fault = Guest::new("table-trap").is_masked(Cause::TableLimit);
    assert!(fault.detail.contains("over the cap of 50000"), "{fault}");
}

#[test]
fn a_check_may_not_have_more_than_its_host_gives() {
    for (limit, guest) in [
        ("memory_bytes", Guest::new("allow").limits(|limits| limits.memory_bytes = 1 << 30)),
        ("table_elements", Guest::new("allow").limits(|limits| limits.table_elements = 50_001)),
    ] {
        let Err(ConfigError::Limit { limit: named, .. }) = guest.configure() else { panic!("configured") };
        assert_eq!(named, limit);
    }
}

#[test]
fn a_memory_or_table_that_no_check_of_the_host_may_have_does_not_load() {
    for (what, text) in [
        ("memory", "(memory 4097)"),
        ("table", "(table 50001 funcref)"),
        ("memories", "(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)(memory 1)"),
    ] {
        let text =
            crate::harness::fixture("allow").replace("(core module $plugin", &format!("(core module $plugin {text}"));
        let result = Guest::from_text(what, &text).load();
        assert!(matches!(result, Err(LoadError::DoesNotFit(_))), "{what}: {result:?}");
    }
}

#[test]
fn a_plugin_of_more_core_instances_than_the_cap_names_the_limit() {
    let many = "(core instance (instantiate $empty))".repeat(100);
    let text = crate::harness::fixture("allow")
        .replace("(core module $plugin", &format!("(core module $empty) {many} (core module $plugin"));
    let fault = Guest::from_text("core instances", &text).configure().unwrap_err();
    assert!(fault.to_string().contains("core_instances"), "{fault}");
}

#[test]
fn a_plugin_that_is_heavier_than_the_whole_host_does_not_load() {
    let text =
        crate::harness::fixture("allow").replace("(core module $plugin", "(core module $plugin (memory 1)(memory 1)");
    let guest = Guest::from_text("three memories", &text);
    assert_eq!(guest.clone().on(HostLimits { instances: 3, ..small() }).outcome(&nobody()), Outcome::Allow);
    let result = guest.on(HostLimits { instances: 2, ..small() }).load();
    let Err(LoadError::DoesNotFit(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("HostLimits::instances"), "{reason}");
}
