//! Running the cases of a policy on its snapshot.

use std::time::Instant;

use guardhouse::Outcome;

use crate::decided::{Decided, DenialCause};
use crate::policy::bounds;
use crate::policy::cases::{Case, ExpectedDecision};
use crate::policy::folder::Folder;
use crate::problem::Problem;
use crate::snapshot::Snapshot;

/// Runs cases, one after the other. Returns a problem for each case in which the snapshot does not decide as it must, with
/// all differences.
pub async fn run(snapshot: &Snapshot, cases: &[Case]) -> Vec<Problem> {
    let start = Instant::now();
    let mut problems = Vec::new();
    for case in cases {
        if start.elapsed() > bounds::ALL_CASES_TIME {
            let seconds = bounds::ALL_CASES_TIME.as_secs();
            problems
                .push(problem(case, format!("it was not run: the cases take more than {seconds} seconds together")));
            break;
        }
        let decided = snapshot.decide(&case.context, Some(bounds::CASE_TIME)).await;
        let differences = differences(case, &decided);
        if !differences.is_empty() {
            problems.push(problem(case, differences.join("; ")));
        }
    }
    problems
}

fn problem(case: &Case, message: impl std::fmt::Display) -> Problem {
    let message = format!("the case `{}` fails: {message}", case.name);
    Problem::new(Folder::CASES, message).at(case.position).of_key(case.key.clone())
}

/// Everything in which a decision differs from the expected one.
fn differences(case: &Case, decided: &Decided) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            differences.push(format!("{what}: expected {expected}, found {found}"));
        }
    };
    let denial = decided.decision.denial().or(decided.would_deny.as_ref().map(|(denial, _)| denial));
    let decision = match (decided.decision.is_allow(), &decided.would_deny) {
        (false, _) => ExpectedDecision::Deny,
        (true, None) => ExpectedDecision::Allow,
        (true, Some(_)) => ExpectedDecision::WouldDeny,
    };
    compare("decision", case.decision.as_str(), decision.as_str());
    let message = |message: Option<&str>| message.map_or_else(|| "none".to_owned(), |message| format!("`{message}`"));
    compare(
        "message",
        &message(case.message.as_deref()),
        &message(denial.and_then(|denial| denial.message.as_deref())),
    );
    let (outcome, cause) = outcome_and_cause(decided);
    if let Some(expected) = &case.outcome {
        compare("outcome", expected, outcome);
    }
    // A cause that nobody expected helps to understand the other differences.
    if let Some(expected) = case.cause.as_deref() {
        compare("cause", expected, cause);
    }
    if let Some(expected) = &case.rule {
        compare("rule", &format!("`{expected}`"), &message(decided.rule.as_deref()));
    }
    if !differences.is_empty() && case.cause.is_none() && cause != "none" {
        differences.push(format!("cause: {cause}"));
    }
    differences
}

/// The outcome of the checks, and the cause of a failure or of a denial without a check; `none` without a cause.
fn outcome_and_cause(decided: &Decided) -> (&'static str, &'static str) {
    let cause = decided.would_deny.as_ref().map(|(_, cause)| *cause).or(decided.cause);
    let Some(cause) = cause else { return ("allow", "none") };
    if cause != DenialCause::Check {
        return ("denied", cause.as_str());
    }
    let report = decided.report.as_ref();
    let decisive = report.and_then(|report| report.checks.get(report.decided_by?));
    match decisive.map(|check| &check.evaluation.outcome) {
        Some(Outcome::Failed(fault)) => ("failed", fault.cause.as_str()),
        Some(outcome) => (outcome.kind(), "none"),
        // No check could be evaluated.
        None => ("failed", "host"),
    }
}

#[cfg(test)]
mod tests {
    use guardhouse::Host;

    use super::*;
    use crate::policy::{Policy, first};

    async fn run_on(policy: &str, cases: &str) -> Vec<String> {
        let files = [(Folder::POLICY, policy), (Folder::CASES, cases)];
        let folder = Folder::new(files.map(|(name, text)| (name.to_owned(), text.to_owned().into())).into());
        let (policy, _) = Policy::read(&folder).unwrap();
        let cases = Case::read_all(&folder, &policy).unwrap();
        let host = Host::builder().without_background().build().unwrap();
        let snapshot = Snapshot::load(&host, &"acme".parse().unwrap(), 1, policy).await.unwrap();
        run(&snapshot, &cases).await.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn the_cases_of_the_first_policy_pass() {
        let [(_, policy), (_, cases)] = first::FILES;
        assert_eq!(run_on(policy, cases).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_case_that_fails_has_all_its_differences() {
        let [(_, policy), _] = first::FILES;
        let cases = r#"
[[cases]]
name = "a"
context.component = { kind = "tool", name = "search" }
decision = "allow"
rule = "search"
[[cases]]
name = "b"
context.token = { client_id = "c", scopes = ["read"] }
context.component = { kind = "tool", name = "transfer" }
decision = "deny"
cause = "no-rule"
[[cases]]
name = "c"
context.token = { client_id = "c" }
context.component = { kind = "tool", name = "broken" }
decision = "deny"
outcome = "denied"
[[cases]]
name = "d"
context.component = { kind = "route", name = "/a/../b" }
decision = "would-deny"
[[cases]]
name = "e"
context.component = { kind = "prompt", name = "x" }
context.token = { client_id = "c" }
decision = "deny"
message = "m"
"#;
        let message = "message: expected none, found `argument `/amount` must be a number of at most 1000`";
        let expected = [
            "cases.toml:2:1: cases[0]: the case `a` fails: decision: expected allow, found deny; rule: expected `search`, found none".to_owned(),
            format!("cases.toml:7:1: cases[1]: the case `b` fails: {message}; cause: expected no-rule, found none"),
            "cases.toml:13:1: cases[2]: the case `c` fails: outcome: expected denied, found failed; cause: out-of-fuel".to_owned(),
            "cases.toml:19:1: cases[3]: the case `d` fails: decision: expected would-deny, found deny; cause: not-normal".to_owned(),
            "cases.toml:23:1: cases[4]: the case `e` fails: decision: expected deny, found allow; message: expected `m`, found none".to_owned(),
        ];
        assert_eq!(run_on(policy, cases).await, expected);
        let monitored = policy.replace("mode = \"enforce\"", "mode = \"monitor\"");
        let cases = "[[cases]]\nname = \"a\"\ncontext.component = { kind = \"tool\", name = \"search\" }\ndecision = \
                     \"would-deny\"\noutcome = \"denied\"\n";
        assert_eq!(run_on(&monitored, cases).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_request_that_takes_too_many_steps_to_match_is_denied_in_each_mode() {
        let rule = format!("[[rules]]\nwhen = {{ name = \"{}\" }}\nunchecked = \"allow\"\n", "**a?".repeat(60));
        let last = "[[rules]]\nwhen = {}\nunchecked = \"allow\"\n";
        let policy = format!("version = 1\nmode = \"monitor\"\n{}{last}", rule.replace("**a?\"", "**b\"").repeat(20));
        let case = |name: &str, decision: &str| {
            format!(
                "[[cases]]\nname = \"{decision}\"\ncontext.component = {{ kind = \"tool\", name = \"{name}\" }}\ndecision = \
                 \"{decision}\"\n"
            )
        };
        let cases =
            [case("a", "allow"), case(&"a".repeat(4_096), "deny"), "cause = \"not-normal\"\n".to_owned()].concat();
        assert_eq!(run_on(&policy, &cases).await, [""; 0]);
    }
}
