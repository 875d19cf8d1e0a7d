//! Documents of a request that are read when a check first needs them.

use guardhouse::{AuthContext, Cause, Document, Outcome, Plugin, builtin, native, run_auth_checks_blocking};
use serde_json::json;

use crate::harness::{Guest, claiming, host_with, nobody, reads, small, somebody};

fn message(outcome: &Outcome) -> String {
    match outcome {
        Outcome::DeniedWithMessage(error) => error.message.clone(),
        other => format!("{other:?}"),
    }
}

const TEXTS: [(Document, &str); 4] = [
    (Document::Claim, "claim"),
    (Document::Detail, "detail"),
    (Document::Argument, "argument"),
    (Document::Attribute, "attribute"),
];

#[test]
fn each_document_is_read_from_its_text() {
    for (document, function) in TEXTS {
        let context = somebody(&[]).with_unread(document, r#"{"a": [1]}"#);
        assert_eq!(message(&reads(function, "/a", 1).outcome(&context)), "[1]", "{function}");
        let absent = TEXTS.into_iter().filter(|(other, _)| *other != document);
        for (_, other) in absent {
            assert_eq!(reads(other, "/a", 1).outcome(&context), Outcome::Allow, "{function}, {other}");
        }
    }
}

#[test]
fn a_text_takes_the_place_of_the_field_and_claims_need_a_token() {
    let context = claiming(json!({ "a": "old" })).with_unread(Document::Claim, r#"{"a": "new"}"#);
    assert_eq!(message(&reads("claim", "/a", 1).outcome(&context)), "\"new\"");
    let claims = context.document(Document::Claim).unwrap().unwrap().clone();
    assert_eq!(claims.pointer("/a"), Some(&json!("new")));
    let context = nobody().with_unread(Document::Claim, r#"{"a": "new"}"#);
    assert_eq!(reads("claim", "/a", 1).outcome(&context), Outcome::Allow);
    assert_eq!(context.document(Document::Claim), Ok(None));
}

#[test]
fn a_document_that_cannot_be_read_denies_only_the_check_that_reads_it() {
    let deep = "[".repeat(200);
    let unreadable: [&dyn Fn(AuthContext) -> AuthContext; 5] = [
        &|context| context.with_unread(Document::Argument, "{\"a\": 1e21}"),
        &|context| context.with_unread(Document::Argument, "{\"a\": 1, \"a\": 2}"),
        &|context| context.with_unread(Document::Argument, deep.clone()),
        &|context| context.with_unread(Document::Argument, vec![0xff]),
        &|context| context.with_unreadable(Document::Argument, "the call is not known"),
    ];
    for make in unreadable {
        let context = make(claiming(json!({ "team": "blue" })));
        assert_eq!(Guest::new("allow").outcome(&context), Outcome::Allow);
        assert_eq!(message(&reads("claim", "/team", 1).outcome(&context)), "\"blue\"");
        let fault = reads("argument", "/b", 1).fails_with_given(Cause::UnreadableDocument, &context);
        assert!(fault.detail.starts_with("the document of `argument`: "), "{fault}");
    }
    let context = unreadable[4](nobody());
    assert!(reads("argument", "", 1).fails_with_given(Cause::UnreadableDocument, &context).detail.ends_with("known"));
    // `require-roles` reads claims without a sandbox.
    let checks = [native::require_roles(["admin"], "/roles").unwrap()];
    for text in ["{".to_owned(), format!(r#"{{"roles": ["admin"], "x": "{}"}}"#, "x".repeat(1 << 20))] {
        let context = somebody(&[]).with_unread(Document::Claim, text);
        assert!(!run_auth_checks_blocking(&checks, &context).is_allow());
    }
    let context = somebody(&[]).with_unread(Document::Claim, r#"{"roles": ["admin"]}"#);
    assert!(run_auth_checks_blocking(&checks, &context).is_allow());
}

#[test]
fn a_document_over_the_cap_of_the_check_is_not_read() {
    let context = nobody().with_unread(Document::Argument, format!(r#"{{"a": 1, "b": "{}"}}"#, "x".repeat(2 << 20)));
    let fault = reads("argument", "/a", 1).fails_with_given(Cause::ContextLimit, &context);
    assert!(fault.detail.ends_with("the limit is `Limits::context_bytes`"), "{fault}");
    assert!(fault.detail.contains("the document of `argument` has 2097"), "{fault}");
    let generous = reads("argument", "/a", 1).limits(|limits| limits.context_bytes = 3 << 20);
    assert_eq!(message(&generous.outcome(&context)), "1");
    assert_eq!(Guest::new("allow").outcome(&context), Outcome::Allow);
}

#[test]
fn a_plugin_says_which_documents_it_may_read() {
    let host = host_with(small());
    let loaded = |bytes: &[u8]| Plugin::load(&host, bytes).unwrap().documents().to_vec();
    let documents = |guest: &Guest| loaded(guest.bytes());
    assert_eq!(loaded(builtin::REQUIRE_SCOPES), []);
    assert_eq!(loaded(builtin::REQUIRE_ROLES), [Document::Claim]);
    assert_eq!(loaded(builtin::ARGUMENT_LIMIT), [Document::Argument]);
    for (document, function) in TEXTS {
        assert_eq!(documents(&reads(function, "", 1)), [document]);
    }
}

#[test]
fn a_part_that_cannot_be_read_denies_only_the_check_that_reads_it() {
    let attributes = json!({ "http": { "method": "GET", "body": "x" }, "bodyguard": 1 });
    let context = nobody().with_attributes(attributes);
    let partial = context.clone().with_unreadable_part(Document::Attribute, "/http/body", "only a part of it arrived");
    for (pointer, found) in [("/http/method", "\"GET\""), ("/bodyguard", "1")] {
        assert_eq!(message(&reads("attribute", pointer, 1).outcome(&partial)), found);
    }
    assert_eq!(reads("attribute", "/http/bodies", 1).outcome(&partial), Outcome::Allow);
    for pointer in ["", "/http", "/http/body", "/http/body/0"] {
        let fault = reads("attribute", pointer, 1).fails_with_given(Cause::UnreadableDocument, &partial);
        assert!(fault.detail.ends_with("at `/http/body`: only a part of it arrived"), "{fault}");
    }
    assert!(partial.document(Document::Attribute).is_err());
    assert!(context.document(Document::Attribute).is_ok());
    let claims = nobody().with_unreadable_part(Document::Claim, "/a", "no token, and so no claims");
    assert_eq!(reads("claim", "/a", 1).outcome(&claims), Outcome::Allow);
    assert_eq!(claims.document(Document::Claim), Ok(None));
}
