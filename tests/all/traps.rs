//! Plugins that trap (rule S4).

use guardhouse::{Cause, Outcome};

use crate::harness::{Guest, nobody, somebody};

#[test]
fn the_plain_fixtures_answer_what_they_say() {
    assert_eq!(Guest::new("allow").outcome(&nobody()), Outcome::Allow);
    assert_eq!(Guest::new("refuse").outcome(&nobody()), Outcome::Denied);
    assert_eq!(Guest::new("token").outcome(&nobody()), Outcome::Denied);
    assert_eq!(Guest::new("token").outcome(&somebody(&[])), Outcome::Allow);
}

#[test]
fn an_unreachable_instruction_is_a_trap_with_a_backtrace() {
    let fault = Guest::new("unreachable").is_masked(Cause::Trap);
    assert!(fault.detail.contains("unreachable"), "{fault}");
    assert!(fault.backtrace.is_some());
}

#[test]
fn a_division_by_zero_is_a_trap() {
    let fault = Guest::new("division").is_masked(Cause::Trap);
    assert!(fault.detail.contains("divide by zero"), "{fault}");
}

#[test]
fn endless_recursion_is_a_stack_overflow() {
    Guest::new("recursion").is_masked(Cause::StackOverflow);
}

#[test]
fn a_start_function_that_traps_fails_on_trial() {
    let fault = Guest::new("start-trap").fails_on_trial(Cause::Trap);
    assert!(fault.detail.contains("unreachable"), "{fault}");
}

#[test]
fn an_allocator_that_points_outside_memory_is_an_invalid_answer() {
    for pointer in ["(i32.const 131072)", "(i32.const -8)", "(i32.const 131064)"] {
        Guest::with("realloc", &[("pointer", pointer)]).is_masked(Cause::InvalidResult);
    }
}

#[test]
fn an_allocator_that_breaks_the_alignment_is_an_invalid_answer() {
    Guest::with("realloc", &[("pointer", "(i32.const 4097)")]).is_masked(Cause::InvalidResult);
}

#[test]
fn an_allocator_that_traps_is_a_trap() {
    Guest::with("realloc", &[("pointer", "unreachable")]).is_masked(Cause::Trap);
}

#[test]
fn an_allocator_that_hands_out_the_same_memory_twice_harms_only_its_own_plugin() {
    // Null is an address like any other in WebAssembly, and what overlaps is the plugin's own memory. Its answer at 16
    // is overwritten by the context, and becomes whatever the bytes there mean; the host is not concerned.
    for pointer in ["(i32.const 0)", "(i32.const 8)", "(i32.const 4096)"] {
        let guest = Guest::with("realloc", &[("pointer", pointer)]);
        guest.outcome(&somebody(&["a", "b"]));
        guest.outcome(&nobody());
    }
}

#[test]
fn a_call_to_the_host_from_inside_an_allocation_traps() {
    Guest::new("reentrant").is_masked(Cause::Trap);
}

#[test]
fn names_in_a_backtrace_are_cut_and_cpp_names_are_left_as_they_are() {
    for name in ["a".repeat(90_000), "_Z1fI1aS_S_S_E".to_owned()] {
        let text = crate::harness::fixture("unreachable").replace(
            "(func (export \"check\") (param i32) (result i32)",
            &format!("(func $deep (@name \"{name}\") unreachable) (func (export \"check\") (param i32) (result i32) (call $deep)"),
        );
        let fault = Guest::from_text("a long name", &text).is_masked(Cause::Trap);
        let backtrace = fault.backtrace.unwrap();
        assert!(backtrace.len() < 1_000, "{} bytes", backtrace.len());
        assert!(backtrace.contains(&name[..10]), "{backtrace}");
    }
}
