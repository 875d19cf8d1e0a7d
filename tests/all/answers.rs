//! Invalid answers and answers that are too long (rules S3 and S4).

use guardhouse::{AuthorizationError, Cause, HostLimits, Outcome};
use guardhouse_tests::guest::literal;

use crate::harness::{Guest, nobody, small};

fn message_of(length: usize) -> Guest {
    Guest::with("long-message", &[("length", &length.to_string())])
}

fn answer(bytes: &[u8]) -> Guest {
    Guest::with("answer", &[("answer", &literal(bytes))])
}

/// An error whose message is at `pointer`.
fn message_at(pointer: u32, length: u32) -> Guest {
    let mut bytes = vec![1, 0, 0, 0];
    bytes.extend(pointer.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    answer(&bytes)
}

#[test]
fn a_message_of_exactly_the_cap_reaches_the_caller() {
    let cap = 64 << 10;
    assert_eq!(
        message_of(cap).outcome(&nobody()),
        Outcome::DeniedWithMessage(AuthorizationError::new("\0".repeat(cap)))
    );
}

#[test]
fn a_message_of_one_byte_over_the_cap_is_a_fault_and_is_not_cut() {
    let fault = message_of((64 << 10) + 1).fails_with(Cause::MessageLimit);
    assert_eq!(
        fault.detail,
        "a message of 65537 bytes, over the cap of 65536 bytes; the limit is `Limits::message_bytes`"
    );
}

#[test]
fn a_cap_of_zero_bytes_allows_only_the_empty_message() {
    let capped = |guest: Guest| guest.limits(|limits| limits.message_bytes = 0);
    assert_eq!(capped(message_of(0)).outcome(&nobody()), Outcome::DeniedWithMessage(AuthorizationError::new("")));
    capped(message_of(1)).fails_with(Cause::MessageLimit);
}

#[test]
fn a_message_of_a_hundred_megabytes_is_never_read() {
    let length = 100_000_000;
    let guest = message_of(length)
        .on_own_host(HostLimits { memory_bytes: 128 << 20, ..small() })
        .limits(|limits| limits.memory_bytes = 128 << 20);
    guest.fails_with(Cause::HostCallLimit);
}

#[test]
fn a_message_over_the_cap_of_a_host_call_is_never_read() {
    let cap = 256 << 10;
    let generous = |guest: Guest| guest.limits(|limits| limits.message_bytes = 1 << 20);
    generous(message_of(cap + 1)).fails_with(Cause::HostCallLimit);
    assert!(matches!(generous(message_of(cap - 64)).outcome(&nobody()), Outcome::DeniedWithMessage(_)));
}

#[test]
fn a_message_that_is_not_utf_8_is_an_invalid_answer() {
    for bytes in [&b"\xff"[..], b"denied \xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"] {
        let mut all = vec![1, 0, 0, 0, 12, 4, 0, 0, u8::try_from(bytes.len()).unwrap(), 0, 0, 0];
        all.extend(bytes);
        let fault = answer(&all).fails_with(Cause::InvalidResult);
        assert!(fault.detail.to_lowercase().contains("utf-8"), "{fault}");
    }
}

#[test]
fn a_message_outside_memory_is_an_invalid_answer() {
    for (pointer, length) in [(131_072, 1), (131_071, 2), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)] {
        let guest = message_at(pointer, length).limits(|limits| limits.host_call_bytes = usize::MAX);
        guest.fails_with(Cause::InvalidResult);
    }
}

#[test]
fn an_empty_message_outside_memory_is_an_invalid_answer_or_empty() {
    let outcome = message_at(u32::MAX, 0).outcome(&nobody());
    let empty = Outcome::DeniedWithMessage(AuthorizationError::new(""));
    assert!(matches!(&outcome, Outcome::Failed(fault) if fault.cause == Cause::InvalidResult) || outcome == empty);
}

#[test]
fn an_answer_that_is_outside_memory_or_unaligned_is_invalid() {
    for pointer in ["131072", "131064", "-4", "1025", "1026"] {
        Guest::with("answer-at", &[("pointer", pointer)]).fails_with(Cause::InvalidResult);
    }
}

#[test]
fn an_unknown_discriminant_is_an_invalid_answer() {
    for discriminant in [2, 9, 255] {
        answer(&[discriminant, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).fails_with(Cause::InvalidResult);
    }
}

#[test]
fn any_byte_but_zero_is_true_as_the_component_model_specifies() {
    for byte in [1, 7, 255] {
        assert_eq!(answer(&[0, 0, 0, 0, byte, 0, 0, 0, 0, 0, 0, 0]).outcome(&nobody()), Outcome::Allow);
    }
    assert_eq!(answer(&[0; 12]).outcome(&nobody()), Outcome::Denied);
}
