//! Reading reports.

use guardhouse::{Cause, CheckReport, Decision, Fault, Outcome, Report};
use guardhouse_tests::events::{self, Event};

/// The cause with which the last check of a report failed; `None` if it did not fail.
pub(crate) fn cause(report: &Report) -> Option<Cause> {
    match &report.checks.last().unwrap().evaluation.outcome {
        Outcome::Failed(fault) => Some(fault.cause),
        _ => None,
    }
}

/// The part of a report that is the same on every run of a deterministic check: without identifiers, times and
/// backtraces.
pub(crate) fn reproducible(report: &Report) -> String {
    let checks = reproducible_checks(&report.checks);
    let decision = match &report.decision {
        Decision::Allow => None,
        Decision::Deny(denial) => {
            assert_eq!(denial.id, report.id);
            Some((&denial.message, &denial.missing_scopes))
        }
    };
    format!("{decision:?} by {:?}: {checks}", report.decided_by)
}

fn reproducible_checks(checks: &[CheckReport]) -> String {
    let reproducible = |check: &CheckReport| {
        let evaluation = &check.evaluation;
        let outcome = match &evaluation.outcome {
            Outcome::Failed(fault) => format!("failed: {fault}"),
            other => format!("{other:?}"),
        };
        let members = reproducible_checks(&evaluation.members);
        format!("{:?} {outcome} {:?} {:?} [{members}]", check.id, evaluation.missing_scopes, evaluation.logs)
    };
    checks.iter().map(reproducible).collect::<Vec<_>>().join(", ")
}

/// Compares all that the caller and the operator see of a failed check with rule S4, and returns the fault.
pub(crate) fn failed(report: &Report, events: &[Event]) -> Fault {
    let Decision::Deny(denial) = &report.decision else { panic!("a fault allowed: {report:?}") };
    assert_eq!(denial.message, None);
    assert!(denial.missing_scopes.is_empty());
    assert_eq!(denial.id, report.id);

    let check = &report.checks[report.decided_by.unwrap()];
    let Outcome::Failed(fault) = check.evaluation.outcome.clone() else { panic!("the check did not fail: {report:?}") };
    let records = events::failed_decisions(events);
    assert_eq!(records.len(), 1, "{events:?}");
    assert_eq!(records[0].field("cause"), fault.cause.as_str());
    // None if the same check has failed ten times in this second.
    let warnings = events::faults(events);
    assert!(warnings.len() <= 1, "{events:?}");
    for warning in warnings {
        assert_eq!(warning.field("cause"), fault.cause.as_str());
        assert_eq!(warning.field("decision"), report.id.to_string());
        assert_eq!(warning.field("check"), format!("{:?}", check.id));
        assert_eq!(warning.field("plugin"), check.identity.plugin.map(|digest| digest.to_string()).unwrap_or_default());
        assert_eq!(warning.field("detail"), format!("{:?}", fault.detail));
    }
    assert!(!fault.detail.is_empty());
    assert_eq!(events::decisions(events).len(), 1, "{events:?}");
    fault
}
