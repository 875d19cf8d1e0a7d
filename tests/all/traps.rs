//! Plugins that trap (rule S4).

use guardhouse::{Cause, Outcome};
use guardhouse_tests::guest::{filled, replaced};

use crate::harness::{Guest, fixture, nobody, somebody};

#[test]
fn the_benign_fixtures_answer_as_described() {
    assert_eq!(Guest::new("allow").outcome(&nobody()), Outcome::Allow);
    assert_eq!(Guest::new("deny").outcome(&nobody()), Outcome::Denied);
    assert_eq!(Guest::new("token").outcome(&nobody()), Outcome::Denied);
    assert_eq!(Guest::new("token").outcome(&somebody(&[])), Outcome::Allow);
}

#[test]
fn an_unreachable_instruction_is_a_trap_with_a_backtrace() {
    let fault = Guest::new("unreachable").fails_with(Cause::Trap);
    assert!(fault.detail.contains("unreachable"), "{fault}");
    assert!(fault.backtrace.is_some());
}

#[test]
fn a_division_by_zero_is_a_trap() {
    let fault = Guest::new("division").fails_with(Cause::Trap);
    assert!(fault.detail.contains("divide by zero"), "{fault}");
}

#[test]
fn endless_recursion_is_a_stack_overflow() {
    Guest::new("recursion").fails_with(Cause::StackOverflow);
}

#[test]
fn a_start_function_that_traps_fails_on_trial() {
    let fault = Guest::new("start-trap").fails_on_trial(Cause::Trap);
    assert!(fault.detail.contains("unreachable"), "{fault}");
}

#[test]
fn an_allocator_that_points_outside_memory_is_an_invalid_answer() {
    for pointer in ["(i32.const 131072)", "(i32.const -8)", "(i32.const 131064)"] {
        Guest::with("realloc", &[("pointer", pointer)]).fails_with(Cause::InvalidResult);
    }
}

#[test]
fn an_allocator_that_violates_the_alignment_is_an_invalid_answer() {
    Guest::with("realloc", &[("pointer", "(i32.const 4097)")]).fails_with(Cause::InvalidResult);
}

#[test]
fn an_allocator_that_traps_is_a_trap() {
    Guest::with("realloc", &[("pointer", "unreachable")]).fails_with(Cause::Trap);
}

#[test]
fn an_allocator_that_returns_the_same_memory_twice_harms_only_its_own_plugin() {
    // Null is a valid address in WebAssembly, and the overlapping memory belongs to the plugin. The context overwrites
    // the answer at 16, which may become any answer. The host is not affected.
    for pointer in ["(i32.const 0)", "(i32.const 8)", "(i32.const 4096)"] {
        let guest = Guest::with("realloc", &[("pointer", pointer)]);
        guest.outcome(&somebody(&["a", "b"]));
        guest.outcome(&nobody());
    }
}

#[test]
fn a_call_to_the_host_from_inside_an_allocation_traps() {
    Guest::new("reentrant").fails_with(Cause::Trap);
}

#[test]
fn names_in_a_backtrace_are_cut_and_cpp_names_are_not_demangled() {
    for name in ["a".repeat(90_000), "_Z1fI1aS_S_S_E".to_owned()] {
        let text = replaced(&fixture("unreachable"), "      unreachable", "      (call $deep) unreachable");
        let deep = format!("(func $deep (@name \"{name}\") unreachable)");
        let fault = Guest::from_text("a long name", &filled(&text, &[("fields", &deep)])).fails_with(Cause::Trap);
        let backtrace = fault.backtrace.unwrap();
        assert!(backtrace.len() < 1_000, "{} bytes", backtrace.len());
        assert!(backtrace.contains(&name[..10]), "{backtrace}");
    }
}
