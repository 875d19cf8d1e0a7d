//! Tests of reading cases.

use std::collections::BTreeMap;

use super::*;
use crate::policy::folder::Bytes;

const POLICY: &str = r#"
version = 1
[checks.a]
plugin = "builtin:require-auth"
[[rules]]
name = "tools"
when = { kind = "tool" }
check = "a"
"#;

fn read(cases: Option<&str>) -> Result<Vec<Case>, Vec<String>> {
    let files = [("policy.toml", Some(POLICY)), ("cases.toml", cases)];
    let files: BTreeMap<String, Bytes> =
        files.into_iter().filter_map(|(path, text)| Some((path.to_owned(), Bytes::from(text?.to_owned())))).collect();
    let folder = Folder::new(files);
    let (policy, _) = Policy::read(&folder).unwrap();
    let lines =
        |problems: Vec<Problem>| problems.iter().map(|p| p.to_string().replacen("cases.toml:", "", 1)).collect();
    Case::read_all(&folder, &policy).map_err(lines)
}

#[test]
fn cases_are_read_as_they_are_written() {
    let cases = r#"
[[cases]]
name = "nobody without a token"
context = { component = { kind = "tool", name = "search" }, action = "tools/call", now = 7 }
decision = "deny"
outcome = "denied"

[[cases]]
name = "no rule"
context.component = { kind = "prompt", name = "x" }
decision = "would-deny"
message = "m"
cause = "no-rule"
rule = "tools"
"#;
    let cases = read(Some(cases)).unwrap();
    assert_eq!((cases[0].position.line, &*cases[1].key), (2, "cases[1]"));
    assert_eq!((&*cases[0].context.component.name, cases[0].context.now), ("search", 7));
    assert_eq!((cases[0].decision, cases[0].message.as_deref()), (ExpectedDecision::Deny, None));
    assert_eq!(
        (cases[0].outcome.as_deref(), cases[0].cause.as_deref(), cases[0].rule.as_deref()),
        (Some("denied"), None, None)
    );
    assert_eq!((cases[1].decision, cases[1].message.as_deref()), (ExpectedDecision::WouldDeny, Some("m")));
    assert_eq!((cases[1].cause.as_deref(), cases[1].rule.as_deref()), (Some("no-rule"), Some("tools")));
    assert_eq!(read(None), Ok(Vec::new()));
}

#[test]
fn every_problem_of_the_cases_is_found_at_once() {
    let cases = r#"
[[cases]]
name = "a"
context = { component = { kind = "tool", name = "x", tags = ["a", 7] } }
decision = "allows"
[[cases]]
name = "a"
context = { component = { kind = "tool" } }
decision = "allow"
message = "m"
rule = "tool"
outcome = "denies"
"#;
    let context = "help: `guardhouse schema context` prints what a context has";
    let expected = [
        format!("4:67: cases[0].context.component.tags[1]: invalid type: integer `7`, expected a string\n  {context}"),
        "5:12: cases[0].decision: the decision `allows` does not exist\n  help: write `allow`".to_owned(),
        "7:8: cases[1].name: another case has the name `a`".to_owned(),
        format!("8:25: cases[1].context.component: missing field `name`\n  {context}"),
        "10:11: cases[1].message: a request that is allowed has no message\n  help: remove the key".to_owned(),
        "11:8: cases[1].rule: the rule `tool` does not exist\n  help: write `tools`".to_owned(),
        "12:11: cases[1].outcome: the outcome `denies` does not exist\n  help: write `denied`".to_owned(),
    ];
    assert_eq!(read(Some(cases)), Err(expected.to_vec()));
    assert_eq!(read(Some("[[cases]]\n")).unwrap_err().len(), 3);
    assert!(read(Some("")).unwrap_err()[0].contains("the file has no cases"));
}

#[test]
fn each_bound_of_the_cases_has_an_error() {
    let case = |name: &str| {
        format!(
            "[[cases]]\nname = \"{name}\"\ncontext.component = {{ kind = \"a\", name = \"b\" }}\ndecision = \"deny\"\n"
        )
    };
    let cases = |count: usize| (0..count).map(|index| case(&index.to_string())).collect::<String>();
    assert!(read(Some(&cases(bounds::CASES))).is_ok());
    assert!(
        read(Some(&cases(bounds::CASES + 1))).unwrap_err()[0].contains("the file has 1001 cases, and may have 1000")
    );
    assert!(read(Some(&case(&"n".repeat(bounds::CASE_NAME_BYTES)))).is_ok());
    let long = read(Some(&case(&"n".repeat(bounds::CASE_NAME_BYTES + 1)))).unwrap_err();
    assert!(long[0].contains("the name of a case has 1 to 200 bytes"));
    let large = "#".repeat(bounds::CASES_BYTES + 1);
    assert!(read(Some(&large)).unwrap_err()[0].contains("at most 4194304 are read"));
}
