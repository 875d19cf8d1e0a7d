//! What plugins write (rule S4): bounded, and for the operator only.

use guardhouse::{Cause, LogLine, Outcome, blocking};
use guardhouse_tests::events;
use tracing::Level;

use crate::harness::{Guest, masked, nobody, somebody};

fn flood(fixture: &str, length: usize) -> Guest {
    Guest::with(fixture, &[("length", &length.to_string())])
}

#[test]
fn a_flood_of_log_calls_ends_at_the_limit() {
    for length in [0, 1, 100, 60_000] {
        let fault = flood("log-flood", length).is_masked(Cause::LogLimit);
        assert!(fault.detail.contains("65536 bytes"), "{fault}");
    }
}

#[test]
fn a_flood_of_stdout_ends_at_the_limit() {
    for length in [1, 100, 4_096] {
        let fault = flood("stdout-flood", length).is_masked(Cause::LogLimit);
        assert!(fault.detail.contains("65536 bytes"), "{fault}");
    }
}

#[test]
fn what_is_kept_of_a_flood_is_under_the_cap() {
    for guest in [flood("log-flood", 100), flood("stdout-flood", 100), flood("stdout-flood", 4_096)] {
        let report = blocking::explain_auth_checks(&[guest.check()], &nobody());
        let kept: usize = report.checks[0].logs.iter().map(|line| line.text.len()).sum();
        assert!(kept > 50_000 && kept <= 65_536, "{kept}");
    }
}

#[test]
fn a_cap_of_no_bytes_lets_nothing_be_written() {
    flood("log-flood", 0).limits(|limits| limits.log_bytes = 0).is_masked(Cause::LogLimit);
    flood("stdout-flood", 1).limits(|limits| limits.log_bytes = 0).is_masked(Cause::LogLimit);
}

#[test]
fn one_log_call_may_not_carry_more_than_a_host_call() {
    let guest = flood("log-flood", 120_000).limits(|limits| {
        limits.log_bytes = 1 << 20;
        limits.host_call_bytes = 100_000;
    });
    guest.is_masked(Cause::HostCallLimit);
}

#[test]
fn what_a_plugin_wrote_before_its_trap_is_in_the_warning_and_nowhere_else() {
    let check = Guest::new("log-lines").check();
    let (report, events) = events::capture(|| blocking::explain_auth_checks(&[check], &somebody(&[])));
    assert_eq!(masked(&report, &events).cause, Cause::Trap);
    let sources: Vec<&str> = report.checks[0].logs.iter().map(|line| line.source).collect();
    assert_eq!(sources, ["trace", "debug", "info", "warn", "error", "critical"]);
    assert!(report.checks[0].logs.iter().all(|line| line.text == "part: \u{1b}[2Jsaid\nthis"));
    let warning = events::faults(&events)[0];
    assert!(warning.field("logs").contains(r"part: \u{1b}[2Jsaid\nthis"), "{warning:?}");
    assert_eq!(events.iter().filter(|event| event.target == "guardhouse::plugin").count(), 0);
}

#[test]
fn what_a_plugin_wrote_before_its_answer_is_a_quiet_event_for_each_line() {
    let check = Guest::new("log-lines").check();
    let (report, events) = events::capture(|| blocking::explain_auth_checks(&[check], &nobody()));
    assert!(report.decision.is_allow());
    let lines: Vec<_> = events.iter().filter(|event| event.target == "guardhouse::plugin").collect();
    assert_eq!(lines.len(), 6);
    assert!(lines.iter().all(|line| line.level == Level::DEBUG));
    // Escaped: a plugin does not write to the operator's terminal.
    assert!(lines.iter().all(|line| line.field("text") == r#""part: \u{1b}[2Jsaid\nthis""#), "{lines:?}");
}

#[test]
fn pieces_of_a_line_on_stderr_are_one_line() {
    let check = Guest::new("stderr-then-trap").check();
    let report = blocking::explain_auth_checks(&[check], &nobody());
    assert!(matches!(report.checks[0].outcome, Outcome::Failed(_)));
    assert_eq!(report.checks[0].logs, [LogLine { source: "stderr", text: "index out of bounds".to_owned() }]);
}
