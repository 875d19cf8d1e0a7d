//! Data that a plugin may read besides its record: the documents of the `request` interface, and the raw token with a
//! grant.

use guardhouse::{
    AuthChecks, AuthContext, AuthorizationError, Cause, ConfigError, Evaluation, Grant, Grants, Outcome, RawToken,
};
use serde_json::json;

use crate::harness::{Guest, claiming, nobody, reads, somebody};

fn raw_token() -> Guest {
    Guest::with("raw-token", &[("interface", "guardhouse:auth/raw-token@0.1.0")])
}

fn granted() -> Guest {
    raw_token().grants(Grants::default().with(Grant::RawToken))
}

fn with_secret() -> AuthContext {
    let mut context = somebody(&[]);
    context.token.as_mut().unwrap().raw = Some(RawToken::new("bearer-secret"));
    context
}

fn denied_with(text: &str) -> Outcome {
    Outcome::DeniedWithMessage(AuthorizationError::new(text))
}

#[test]
fn a_plugin_does_not_get_the_raw_token_without_the_grant() {
    let error = raw_token().configure().unwrap_err();
    let ConfigError::NotGranted { import, grant, .. } = &error else { panic!("{error}") };
    assert_eq!((import.as_str(), *grant), ("guardhouse:auth/raw-token@0.1.0", Grant::RawToken));
}

#[test]
fn a_plugin_gets_the_raw_token_with_the_grant() {
    let guest = granted();
    assert_eq!(guest.outcome(&with_secret()), denied_with("bearer-secret"));
    assert_eq!(guest.outcome(&somebody(&[])), Outcome::Allow);
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_raw_token_over_the_cap_on_the_context_is_a_fault() {
    let mut context = with_secret();
    context.token.as_mut().unwrap().raw = Some(RawToken::new("s".repeat(2 << 20)));
    granted().fails_with_given(Cause::ContextLimit, &context);
}

/// A plugin that reads from a document of the request.
fn full() -> AuthContext {
    let mut context = claiming(json!({ "sub": "ada", "a/b": { "~": [1, 2.5, null] } }));
    context.component.detail = json!({ "title": "Delete" }).into();
    context.arguments = Some(json!({ "amount": 5 }).into());
    context.attributes = json!({ "peer": "::1" }).into();
    context
}

#[test]
fn each_document_of_a_request_has_its_own_function() {
    for (function, pointer, text) in [
        ("claim", "/sub", r#""ada""#),
        ("claim", "/a~1b/~0/1", "2.5"),
        ("claim", "/a~1b/~0/2", "null"),
        ("claim", "", r#"{"a/b":{"~":[1,2.5,null]},"sub":"ada"}"#),
        ("detail", "/title", r#""Delete""#),
        ("argument", "/amount", "5"),
        ("attribute", "", r#"{"peer":"::1"}"#),
    ] {
        assert_eq!(reads(function, pointer, 1).outcome(&full()), denied_with(text));
    }
}

#[test]
fn a_value_that_does_not_exist_is_none() {
    for (function, pointer) in [
        ("claim", "/title"),
        ("claim", "/sub/0"),
        ("claim", "/a~1b/~0/01"),
        ("claim", "/a~1b/~0/3"),
        ("claim", "/a~1b/~0/99999999999999999999999"),
        ("detail", "/sub"),
        ("attribute", "/"),
    ] {
        assert_eq!(reads(function, pointer, 1).outcome(&full()), Outcome::Allow, "{function} {pointer}");
    }
    assert_eq!(reads("claim", "", 1).outcome(&nobody()), Outcome::Allow);
    assert_eq!(reads("argument", "", 1).outcome(&nobody()), Outcome::Allow);
    assert_eq!(reads("detail", "", 1).outcome(&nobody()), denied_with("{}"));
}

#[test]
fn an_invalid_pointer_is_a_fault_and_not_a_value_that_does_not_exist() {
    for (function, pointer) in [("claim", "sub"), ("claim", "/~"), ("detail", "/a~2"), ("argument", "#/amount")] {
        for context in [full(), nobody()] {
            let fault = reads(function, pointer, 1).fails_with_given(Cause::Trap, &context);
            assert!(fault.to_string().contains(&format!("`{pointer}`, which is not a JSON pointer")), "{fault}");
        }
    }
}

#[test]
fn a_record_of_exactly_the_cap_is_passed_and_one_byte_more_is_a_fault() {
    let mut context = nobody();
    let guest = Guest::new("token").limits(|limits| limits.context_bytes = 1_000);
    context.component.name.clear();
    let others = context.component.kind.len() + context.action.len();
    context.component.name = "n".repeat(1_000 - others);
    assert_eq!(guest.outcome(&context), Outcome::Denied);
    context.component.name.push('n');
    let fault = guest.fails_with_given(Cause::ContextLimit, &context);
    assert_eq!(
        fault.detail,
        "a context of 1001 bytes, over the cap of 1000 bytes; the limit is `Limits::context_bytes`"
    );
}

#[test]
fn empty_scopes_and_tags_count_towards_the_cap() {
    let guest = Guest::new("token");
    let mut scopes = somebody(&[]);
    scopes.token.as_mut().unwrap().scopes = vec![String::new(); 200_000];
    guest.fails_with_given(Cause::ContextLimit, &scopes);
    let mut tags = nobody();
    tags.component.tags = vec![String::new(); 200_000];
    guest.fails_with_given(Cause::ContextLimit, &tags);
}

#[test]
fn a_large_document_counts_only_when_it_is_read() {
    let mut context = full();
    context.token.as_mut().unwrap().claims = json!({ "sub": "ada", "large": "x".repeat(2 << 20) }).into();
    assert_eq!(reads("claim", "/sub", 1).outcome(&context), denied_with(r#""ada""#));
    let fault = reads("claim", "", 1).fails_with_given(Cause::ContextLimit, &context);
    assert!(fault.detail.contains("1048576"), "{fault}");
}

#[test]
fn a_document_counts_each_time_that_it_is_read() {
    let mut context = full();
    context.attributes = json!({ "kilobyte": "x".repeat(1_022) }).into();
    let record = context.component.kind.len() + context.component.name.len() + context.action.len() + "client".len();
    let times = |times: usize| {
        reads("attribute", "/kilobyte", times).limits(|limits| limits.context_bytes = record + 10 * 1_024)
    };
    assert!(matches!(times(10).outcome(&context), Outcome::DeniedWithMessage(_)));
    times(11).fails_with_given(Cause::ContextLimit, &context);
}

#[test]
fn a_plugin_that_reads_a_missing_claim_a_million_times_runs_out_of_fuel() {
    let guest = reads("claim", "/no-such-claim", 1_000_000).limits(|limits| limits.fuel = Some(1_000_000));
    guest.fails_with_given(Cause::OutOfFuel, &full());
}

#[test]
fn plugins_that_name_missing_scopes_read_the_same_documents() {
    let check = reads("argument", "/amount", 1).check();
    let decision = AuthChecks::new(&[check]).name_missing_scopes().explain_blocking(&full()).decision;
    assert_eq!(decision.into_result(), Err(AuthorizationError::new("5")));
}

/// The evaluation of the first check.
fn evaluation(guest: &Guest, context: &AuthContext) -> Evaluation {
    AuthChecks::new(&[guest.check()]).explain_blocking(context).checks.swap_remove(0).evaluation
}

#[test]
fn a_report_has_each_read_of_the_request_without_its_value() {
    for (function, pointer, found) in
        [("claim", "/sub", true), ("claim", "/a/b", false), ("detail", "", true), ("attribute", "/Peer", false)]
    {
        let reads = evaluation(&reads(function, pointer, 2), &full()).reads;
        let read = json!({ "document": function, "pointer": pointer, "found": found });
        assert_eq!(json!(reads), json!({ "reads": [read, read] }));
    }
    let none = evaluation(&Guest::new("allow"), &full()).reads;
    assert_eq!((json!(none), none.first.capacity()), (json!({}), 0));
}

#[test]
fn the_reads_in_a_report_are_bounded_in_number_and_in_length() {
    let read = evaluation(&reads("claim", "/none", 1_000), &full()).reads;
    assert_eq!((read.first.len(), read.left_out), (64, 936));
    let long = format!("/{}", "ü".repeat(10_000));
    let pointer = evaluation(&reads("claim", &long, 1), &full()).reads.first.swap_remove(0).pointer;
    assert_eq!(pointer, format!("/{}…", "ü".repeat(127)));
}

#[test]
fn a_fault_has_the_reads_before_it() {
    let mut context = full();
    context.attributes = json!({ "long": "x".repeat(2_000_000) }).into();
    let failed = evaluation(&reads("attribute", "/long", 1), &context);
    assert_eq!(failed.outcome.fault().unwrap().cause, Cause::ContextLimit);
    assert_eq!(failed.reads.first.len(), 1);
}

#[test]
fn each_request_of_a_batch_has_its_own_reads() {
    let checks = [reads("claim", "/sub", 1).check()];
    let reports = AuthChecks::new(&checks).explain_batch_blocking(&[full(), nobody()]);
    let found = reports.iter().map(|report| report.checks[0].evaluation.reads.first.iter().map(|read| read.found));
    assert_eq!(found.map(Iterator::collect::<Vec<_>>).collect::<Vec<_>>(), [[true], [false]]);
}
