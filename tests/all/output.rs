//! The output of plugins (rule S4): bounded, and visible only to the operator.

use guardhouse::{AuthChecks, Cause, LogLine, Outcome};
use guardhouse_tests::events;
use tracing::Level;

use crate::harness::{Guest, failed, nobody, somebody};

fn flood(fixture: &str, length: usize) -> Guest {
    Guest::with(fixture, &[("length", &length.to_string())])
}

#[test]
fn a_flood_of_log_calls_ends_at_the_limit() {
    for length in [0, 1, 100, 60_000] {
        let fault = flood("log-flood", length).fails_with(Cause::LogLimit);
        assert!(fault.detail.contains("65536 bytes"), "{fault}");
    }
}

#[test]
fn a_flood_of_stdout_ends_at_the_limit() {
    for length in [1, 100, 4_096] {
        let fault = flood("stdout-flood", length).fails_with(Cause::LogLimit);
        assert!(fault.detail.contains("65536 bytes"), "{fault}");
    }
}

#[test]
fn the_kept_part_of_a_flood_is_within_the_cap() {
    for guest in [flood("log-flood", 100), flood("stdout-flood", 100), flood("stdout-flood", 4_096)] {
        let report = AuthChecks::new(&[guest.check()]).explain_blocking(&nobody());
        let kept: usize = report.checks[0].evaluation.logs.iter().map(|line| line.text.len()).sum();
        assert!(kept > 50_000 && kept <= 65_536, "{kept}");
    }
}

#[test]
fn a_cap_of_zero_bytes_allows_no_output() {
    flood("log-flood", 0).limits(|limits| limits.log_bytes = 0).fails_with(Cause::LogLimit);
    flood("stdout-flood", 1).limits(|limits| limits.log_bytes = 0).fails_with(Cause::LogLimit);
}

#[test]
fn a_log_call_over_the_cap_of_a_host_call_is_a_fault() {
    let guest = flood("log-flood", 120_000).limits(|limits| {
        limits.log_bytes = 1 << 20;
        limits.host_call_bytes = 100_000;
    });
    guest.fails_with(Cause::HostCallLimit);
}

#[test]
fn the_output_before_a_trap_is_only_in_the_warning() {
    let check = Guest::new("log-lines").check();
    let (report, events) = events::capture(|| AuthChecks::new(&[check]).explain_blocking(&somebody(&[])));
    assert_eq!(failed(&report, &events).cause, Cause::Trap);
    let sources: Vec<&str> = report.checks[0].evaluation.logs.iter().map(|line| line.source).collect();
    assert_eq!(sources, ["trace", "debug", "info", "warn", "error", "critical"]);
    assert!(report.checks[0].evaluation.logs.iter().all(|line| line.text == "part: \u{1b}[2Jsaid\nthis"));
    let warning = events::faults(&events)[0];
    assert!(warning.field("logs").contains(r"part: \u{1b}[2Jsaid\nthis"), "{warning:?}");
    assert_eq!(events.iter().filter(|event| event.target == "guardhouse::plugin").count(), 0);
}

#[test]
fn the_output_before_an_answer_is_one_debug_event_for_each_line() {
    let check = Guest::new("log-lines").check();
    let (report, events) = events::capture(|| AuthChecks::new(&[check]).explain_blocking(&nobody()));
    assert!(report.decision.is_allow());
    let lines: Vec<_> = events.iter().filter(|event| event.target == "guardhouse::plugin").collect();
    assert_eq!(lines.len(), 6);
    assert!(lines.iter().all(|line| line.level == Level::DEBUG));
    // The text is escaped, so that a plugin cannot control the terminal of the operator.
    assert!(lines.iter().all(|line| line.field("text") == r#""part: \u{1b}[2Jsaid\nthis""#), "{lines:?}");
}

#[test]
fn pieces_of_a_line_on_stderr_are_joined() {
    let check = Guest::new("stderr-then-trap").check();
    let report = AuthChecks::new(&[check]).explain_blocking(&nobody());
    assert!(matches!(report.checks[0].evaluation.outcome, Outcome::Failed(_)));
    assert_eq!(report.checks[0].evaluation.logs, [LogLine::new("stderr", "index out of bounds")]);
}
