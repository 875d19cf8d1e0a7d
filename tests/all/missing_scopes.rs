//! Missing scopes: rules U1 to U4.

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, AuthorizationError, Check, Decision, Denial, Evaluation, EvaluationFuture,
    EvaluationRequest, Outcome, Report, native, run_auth_checks_blocking,
};
use serde_json::{Value, json};

use crate::harness::{Guest, builtin, nobody, settings, somebody};

type Checks = Vec<Box<dyn AuthCheck>>;

fn plugin_check(name: &str, values: Value) -> Box<dyn AuthCheck> {
    Box::new(Check::new(builtin(name), settings(values)).unwrap())
}

/// The same check as a plugin and as a native check.
fn scopes(scopes: &[&str]) -> [Box<dyn AuthCheck>; 2] {
    let native = native::require_scopes(scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>());
    [plugin_check("require-scopes", json!({ "scopes": scopes })), Box::new(native)]
}

fn denies_with(message: &'static str) -> Box<dyn AuthCheck> {
    Box::new(native::from_fn("denies-with", move |_| Err::<bool, _>(AuthorizationError::new(message))))
}

/// A denial that names the missing scopes, and its report.
fn explain(checks: &Checks, context: &AuthContext) -> (Report, Denial) {
    let report = AuthChecks::new(checks).name_missing_scopes().explain_blocking(context);
    let Decision::Deny(denial) = report.decision.clone() else { panic!("allowed") };
    (report, denial)
}

#[test]
fn u1_a_denial_that_names_missing_scopes_does_not_end_the_run_and_any_other_denial_does() {
    for way in 0..2 {
        let pick = |names: &[&str]| scopes(names).into_iter().nth(way).unwrap();
        let opaque = native::from_fn("opaque", |_| false);
        let checks: Checks = vec![pick(&["a"]), pick(&["b"]), Box::new(opaque), pick(&["c"])];
        let (report, denial) = explain(&checks, &somebody(&[]));
        assert_eq!((report.checks.len(), report.decided_by), (3, Some(2)));
        assert_eq!((denial.message, denial.missing_scopes), (None, vec![]));
    }
}

#[test]
fn u1_a_fault_of_a_check_that_names_missing_scopes_ends_the_run_and_no_scope_is_named() {
    for fault in [
        Guest::with("step-up", &[("check", "unreachable"), ("missing", "(i32.const 64)")]),
        Guest::with("step-up", &[("check", "(i32.const 32)"), ("missing", "unreachable")]),
        Guest::with("step-up", &[("check", "(i32.const 32)"), ("missing", "(i32.const 131072)")]),
    ] {
        let [plugin, native] = scopes(&["a"]);
        let [_, after] = scopes(&["z"]);
        let checks: Checks = vec![plugin, native, Box::new(fault.check()), after];
        let (report, denial) = explain(&checks, &somebody(&[]));
        assert_eq!((report.checks.len(), report.decided_by), (3, Some(2)));
        assert_eq!((denial.message, denial.missing_scopes), (None, vec![]));
        assert!(matches!(report.checks[2].evaluation.outcome, Outcome::Failed(_)));
    }
}

#[test]
fn u1_a_message_of_a_check_that_names_missing_scopes_ends_the_run() {
    let blanks = [("check", "(call $denied (i32.const 1096) (i32.const 7))"), ("missing", "(i32.const 64)")];
    let speaks = Guest::with("step-up", &blanks).check();
    let [_, before] = scopes(&["a"]);
    let checks: Checks = vec![before, Box::new(speaks)];
    let (report, denial) = explain(&checks, &somebody(&[]));
    assert_eq!(report.decided_by, Some(1));
    assert_eq!((denial.message.as_deref(), denial.missing_scopes.len()), (Some("message"), 0));
}

#[test]
fn u1_a_plain_run_ends_at_the_first_denial_and_names_no_scope() {
    let [plugin, native] = scopes(&["a"]);
    for first in [plugin, native] {
        let checks: Checks = vec![first, denies_with("never called")];
        let report = AuthChecks::new(&checks).explain_blocking(&somebody(&[]));
        assert_eq!((report.checks.len(), report.decided_by), (1, Some(0)));
        let Decision::Deny(denial) = report.decision else { panic!("allowed") };
        assert_eq!((denial.message, denial.missing_scopes), (None, vec![]));
    }
}

#[test]
fn u2_the_denial_names_the_sorted_union_of_the_missing_scopes() {
    for way in 0..2 {
        let pick = |names: &[&str]| scopes(names).into_iter().nth(way).unwrap();
        let checks: Checks =
            vec![pick(&["write", "read"]), pick(&["read"]), pick(&["admin", "write", "Admin"]), pick(&[""])];
        let (report, denial) = explain(&checks, &somebody(&["read"]));
        assert_eq!(denial.missing_scopes, ["", "Admin", "admin", "write"]);
        assert_eq!((report.checks.len(), report.decided_by), (4, Some(0)));
        let json = serde_json::to_value(&denial).unwrap();
        assert_eq!(json["missing_scopes"], json!(["", "Admin", "admin", "write"]));
    }
}

#[test]
fn u2_without_a_token_no_scope_is_named() {
    for way in 0..2 {
        let pick = |names: &[&str]| scopes(names).into_iter().nth(way).unwrap();
        let (_, denial) = explain(&vec![pick(&["a"]), pick(&["b"])], &nobody());
        assert_eq!(denial.missing_scopes, Vec::<String>::new());
        assert!(!serde_json::to_string(&denial).unwrap().contains("missing_scopes"));
    }
}

#[test]
fn u2_scopes_that_the_token_has_or_that_a_plugin_names_twice_are_removed() {
    let blanks = [("check", "(i32.const 32)"), ("missing", "(i32.const 64)")];
    let checks: Checks = vec![Box::new(Guest::with("step-up", &blanks).check())];
    let (report, denial) = explain(&checks, &somebody(&["held"]));
    assert_eq!(denial.missing_scopes, ["a", "b"]);
    assert_eq!(report.checks[0].evaluation.missing_scopes, ["a", "b"]);
    let (_, denial) = explain(&checks, &nobody());
    assert_eq!(denial.missing_scopes, Vec::<String>::new());
}

#[test]
fn u2_scopes_that_the_token_has_are_removed_for_native_checks_too() {
    struct NamesAll;
    impl AuthCheck for NamesAll {
        fn id(&self) -> &str {
            "names all"
        }
        fn names_missing_scopes(&self) -> bool {
            true
        }
        fn evaluate<'a>(&'a self, _: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
            let evaluation = Evaluation::from(Outcome::Denied).with_missing_scopes(["held", "a"]);
            Box::pin(std::future::ready(evaluation))
        }
    }
    let checks: Checks = vec![Box::new(NamesAll)];
    assert_eq!(explain(&checks, &somebody(&["held"])).1.missing_scopes, ["a"]);
    assert_eq!(explain(&checks, &nobody()).1.missing_scopes, Vec::<String>::new());
}

#[test]
fn u2_a_denial_may_name_no_scope() {
    let blanks = [("check", "(i32.const 32)"), ("missing", "(i32.const 72)")];
    let (_, denial) = explain(&vec![Box::new(Guest::with("step-up", &blanks).check())], &somebody(&[]));
    assert_eq!(denial.missing_scopes, Vec::<String>::new());
}

#[test]
fn u2_a_plugin_that_allows_is_not_asked_for_missing_scopes() {
    let blanks = [("check", "(i32.const 16)"), ("missing", "unreachable")];
    let check = Guest::with("step-up", &blanks).check();
    assert_eq!(
        AuthChecks::new(&[check]).name_missing_scopes().explain_blocking(&somebody(&[])).decision,
        Decision::Allow
    );
}

/// A plugin that names one missing scope, which is written at 1088.
fn names(scope: &str) -> Guest {
    let blanks = [("check", "(i32.const 32)"), ("missing", "(i32.const 64)")];
    let list = r#"(data (i32.const 64) "\00\04\00\00\04\00\00\00")"#;
    let text: String = scope.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let named = format!(
        r#"(data (i32.const 64) "\00\05\00\00\01\00\00\00") (data (i32.const 1280) "\00\06\00\00\{:02x}\00\00\00")
           (data (i32.const 1536) "{text}")"#,
        scope.len()
    );
    let text = guardhouse_tests::guest::filled(&crate::harness::fixture("step-up"), &blanks);
    Guest::from_text("names", &guardhouse_tests::guest::replaced(&text, list, &named))
}

#[test]
fn u5_a_scope_that_is_not_a_scope_token_is_a_fault_and_reaches_no_caller() {
    for scope in ["", " ", "a b", "a\"b", "a\\b", "a\r\nSet-Cookie: x=y", "é", "\u{7f}", "\0", "read\u{200b}"] {
        let [_, other] = scopes(&["z"]);
        let checks: Checks = vec![other, Box::new(names(scope).check())];
        let (report, denial) = explain(&checks, &somebody(&[]));
        assert_eq!((denial.message, denial.missing_scopes), (None, vec![]), "{scope:?}");
        let Outcome::Failed(fault) = &report.checks[1].evaluation.outcome else { panic!("{report:?}") };
        assert_eq!(fault.cause, guardhouse::Cause::InvalidResult, "{scope:?}");
        assert!(report.checks[1].evaluation.missing_scopes.is_empty());
        let batch =
            AuthChecks::new(&checks).name_missing_scopes().run_batch_blocking(&[somebody(&[]), somebody(&["z"])]);
        for decision in batch {
            assert_eq!(decision.denial().map(|denial| denial.missing_scopes.len()), Some(0));
        }
    }
    for scope in ["!", "read:all", "https://example.com/a?b=c#[d]", "~", "^`{|}"] {
        let checks: Checks = vec![Box::new(names(scope).check())];
        assert_eq!(explain(&checks, &somebody(&[])).1.missing_scopes, [scope]);
    }
}

#[test]
fn u5_a_text_of_the_settings_may_be_named_and_is_no_scope_token_of_the_denial() {
    for check in scopes(&["a b", "read", "\"", ""]) {
        let (_, denial) = explain(&vec![check], &somebody(&[]));
        assert_eq!(denial.missing_scopes, ["", "\"", "a b", "read"]);
        assert_eq!(denial.scope_tokens().collect::<Vec<_>>(), ["read"]);
    }
}

#[test]
fn u3_a_message_after_missing_scopes_is_found_only_by_a_run_that_names_them() {
    for first in scopes(&["a"]) {
        let checks: Checks = vec![first, denies_with("tenant suspended")];
        let plain = run_auth_checks_blocking(&checks, &somebody(&[]));
        assert_eq!(plain.into_result(), Ok(false));
        let (report, denial) = explain(&checks, &somebody(&[]));
        assert_eq!((denial.message.as_deref(), denial.missing_scopes.len()), (Some("tenant suspended"), 0));
        assert_eq!(report.decided_by, Some(1));
    }
}

#[test]
fn u4_a_component_that_is_listed_can_also_be_called() {
    let checks: Checks = vec![
        plugin_check("restrict-tag", json!({ "tag": "admin", "scopes": ["admin"] })),
        Box::new(Guest::new("token").check()),
    ];
    for tags in [&[][..], &["admin"], &["Admin"]] {
        for mut context in [nobody(), somebody(&[]), somebody(&["admin"])] {
            context.component.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
            context.action = "tools/list".to_owned();
            let shown = run_auth_checks_blocking(&checks, &context).is_allow();
            context.action = "tools/call".to_owned();
            let called = AuthChecks::new(&checks).name_missing_scopes().explain_blocking(&context).decision.is_allow();
            assert_eq!(shown, called);
        }
    }
}
