//! Errors of loading and configuring a plugin have the plugin's own output.

use guardhouse::{Cause, ConfigError, Fault, LoadError, LogLine};
use guardhouse_tests::guest::literal;

use crate::harness::Guest;

const TRACEBACK: &str = "Traceback:\n  File \"check.py\", line 12, in validate\nZeroDivisionError: division by zero\n";

/// A plugin that logs `text` and traps at the place `blank`.
fn failing(blank: &str, text: &str) -> Guest {
    let at = |name: &str| if name == blank { "(call $fail)" } else { "" };
    let (bytes, length) = (literal(text.as_bytes()), text.len().to_string());
    let blanks = [
        ("text", &*bytes),
        ("length", &length),
        ("at-start", at("at-start")),
        ("in-schema", at("in-schema")),
        ("in-configure", at("in-configure")),
    ];
    Guest::with("logs-and-traps", &blanks)
}

/// Asserts that the text has the plugin's words before the host's.
fn begins_with_the_plugins_words(text: &str, what_failed: &str, fault: &Fault) {
    assert_eq!((fault.cause, &*fault.logs), (Cause::Trap, &[LogLine::new("error", TRACEBACK.trim_end())][..]));
    let words = TRACEBACK.trim_end();
    assert_eq!(text, format!("{what_failed}: {words}\n(trap: wasm `unreachable` instruction executed)"));
}

#[test]
fn a_fault_while_a_plugin_is_loaded_begins_with_its_own_words() {
    for blank in ["at-start", "in-schema"] {
        let error = failing(blank, TRACEBACK).load().unwrap_err();
        let text = error.to_string();
        let LoadError::Schema(fault) = error else { panic!("{blank}: {error:?}") };
        begins_with_the_plugins_words(&text, "failed when asked for its settings schema", &fault);
    }
}

#[test]
fn a_fault_while_a_check_is_made_begins_with_its_own_words() {
    let error = failing("in-configure", TRACEBACK).configure().unwrap_err();
    let text = error.to_string();
    let ConfigError::Fault(fault) = error else { panic!("{error:?}") };
    begins_with_the_plugins_words(&text, "the plugin failed while it was configured", &fault);
    assert!(fault.backtrace.is_some(), "the functions are in the fault, and not in its text");
}

#[test]
fn long_output_is_cut_at_its_beginning() {
    let text = format!("{}{TRACEBACK}", "ü".repeat(20_000));
    let error = failing("in-configure", &text).configure().unwrap_err().to_string();
    assert!(error.len() < 4_200, "{} bytes", error.len());
    assert!(error.contains(": …ü") && error.contains("ZeroDivisionError"), "{error}");
}

#[test]
fn a_fault_of_a_plugin_that_wrote_nothing_has_only_its_cause() {
    let error = failing("in-configure", "").configure().unwrap_err().to_string();
    let cause = "trap: wasm `unreachable` instruction executed";
    assert_eq!(error, format!("the plugin failed while it was configured: {cause}"));
}
