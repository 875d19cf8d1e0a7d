//! The JSON form of a context: which documents are accepted, and which place an error names.

use guardhouse::{AccessToken, AuthContext, Json, RawToken};
use serde_json::json;

use crate::harness::somebody;

/// The path and the reason with which a document is rejected.
fn rejected(text: &str) -> (String, String) {
    let Err(error) = AuthContext::from_slice(text.as_bytes()) else { panic!("read: {text:.200}") };
    println!("{text:.100}: {error}");
    assert!(!error.reason().is_empty());
    assert!(error.to_string().len() < 1_000, "{error}");
    (error.path().to_owned(), error.reason().to_owned())
}

/// A valid context with one more member.
fn with(member: &str) -> String {
    format!(r#"{{"component": {{"kind": "tool", "name": "t"}}, "now": 1, {member}}}"#)
}

fn with_token(member: &str) -> String {
    with(&format!(r#""token": {{"client_id": "c", {member}}}"#))
}

#[test]
fn the_smallest_context_is_a_kind_and_a_name() {
    let context = AuthContext::from_slice(br#"{"component": {"kind": "tool", "name": "t"}}"#).unwrap();
    assert_eq!((context.token, &*context.action), (None, ""));
    assert_eq!(context.attributes, Json::default());
    assert!(context.now > 1_700_000_000);
}

#[test]
fn every_member_is_read() {
    let text = r#"{
        "token": {"client_id": "c", "subject": "s", "scopes": ["a", "", "a"], "expires_at": 0,
                  "resource_indicator": "r", "claims": {"n": 18446744073709551615}, "raw": "secret"},
        "component": {"kind": "resource", "name": "n", "uri": "u", "version": "v", "tags": ["t"], "detail": {"d": 1}},
        "action": "resources/read", "now": -9223372036854775808, "arguments": {"x": [1.5, null]}, "attributes": {"a": []}
    }"#;
    let context = AuthContext::from_slice(text.as_bytes()).unwrap();
    let token = context.token.as_ref().unwrap();
    assert_eq!(token.scopes, ["a", "", "a"]);
    assert_eq!((token.expires_at, token.subject.as_deref()), (Some(0), Some("s")));
    assert_eq!(token.raw.as_ref().unwrap().expose(), "secret");
    assert_eq!(token.claims["n"], u64::MAX);
    assert_eq!(context.now, i64::MIN);
    assert_eq!(context.component.detail["d"], 1);
    // Writing and reading again keeps everything except the secret.
    let again = AuthContext::from_slice(&serde_json::to_vec(&context).unwrap()).unwrap();
    let mut without = context.clone();
    without.token.as_mut().unwrap().raw = None;
    assert_eq!(again, without);
}

#[test]
fn unknown_members_are_rejected_with_their_path() {
    assert_eq!(rejected(&with(r#""Token": null"#)).0, "Token");
    assert_eq!(rejected(&with_token(r#""scope": "a""#)).0, "token.scope");
    assert_eq!(rejected(r#"{"component": {"kind": "t", "name": "n", "type": "tool"}}"#).0, "component.type");
}

#[test]
fn duplicate_members_are_rejected_at_every_depth() {
    for text in [
        with(r#""action": "a", "action": "b""#),
        with(r#""token": null, "token": null"#),
        with_token(r#""scopes": [], "scopes": ["admin"]"#),
        with_token(r#""client_id": "other""#),
        with_token(r#""claims": {"a": 1, "a": 1}"#),
        with_token(r#""claims": {"a": [{"b": {"c": 1, "\u0063": 2}}]}"#),
        with(r#""arguments": {"a": 1, "a": 2}"#),
        with(r#""attributes": {"x": [{"a": 1, "a": 2}]}"#),
        with(r#""component": {"kind": "tool", "name": "other"}"#),
    ] {
        let (_, reason) = rejected(&text);
        assert!(reason.contains("duplicate"), "{reason}");
    }
}

#[test]
fn members_of_the_wrong_type_are_rejected_with_their_path() {
    for (text, path) in [
        (with(r#""token": []"#), "token"),
        (with(r#""token": "secret""#), "token"),
        (with(r#""token": {"client_id": 1}"#), "token.client_id"),
        (with_token(r#""scopes": "admin""#), "token.scopes"),
        (with_token(r#""scopes": {"0": "a"}"#), "token.scopes"),
        (with_token(r#""scopes": ["a", 1]"#), "token.scopes[1]"),
        (with_token(r#""scopes": null"#), "token.scopes"),
        (with_token(r#""expires_at": "1""#), "token.expires_at"),
        (with_token(r#""expires_at": 1.0"#), "token.expires_at"),
        (with_token(r#""expires_at": 9223372036854775808"#), "token.expires_at"),
        (with_token(r#""expires_at": 1e3"#), "token.expires_at"),
        (with_token(r#""raw": ["secret"]"#), "token.raw"),
        (with_token(r#""claims": null"#), "token.claims"),
        (with_token(r#""claims": [1]"#), "token.claims"),
        (with(r#""attributes": "a""#), "attributes"),
        (with(r#""action": null"#), "action"),
        (with(r#""action": 5"#), "action"),
        (with_token(r#""claims": []"#), "token.claims"),
        (with_token(r#""claims": null"#), "token.claims"),
        (with(r#""attributes": "text""#), "attributes"),
        (r#"{"component": {"kind": "tool", "name": "t", "detail": 1}}"#.to_owned(), "component.detail"),
        (r#"{"component": []}"#.to_owned(), "component"),
        (r#"{"component": ["tool", "t"]}"#.to_owned(), "component"),
        (r#"{"component": null}"#.to_owned(), "component"),
        (r#"{"component": {"kind": "tool", "name": "t"}, "now": "now"}"#.to_owned(), "now"),
        (r#"{"component": {"kind": "tool", "name": "t"}, "now": null}"#.to_owned(), "now"),
    ] {
        assert_eq!(rejected(&text).0, path, "{text}");
    }
}

#[test]
fn the_error_for_a_token_of_the_wrong_type_does_not_quote_the_token() {
    let (_, reason) = rejected(&with(r#""token": "eyJhbGciOiJub25lIn0.e30.""#));
    assert!(!reason.contains("eyJ"), "{reason}");
}

#[test]
fn arrays_are_not_accepted_as_objects() {
    rejected(r#"[null, {"kind": "tool", "name": "t"}, "", 1]"#);
    rejected(&with(r#""token": ["c", null, ["admin"]]"#));
    rejected("null");
    rejected("\"text\"");
    rejected("7");
}

#[test]
fn missing_members_are_named() {
    assert!(rejected("{}").1.contains("component"));
    assert!(rejected(r#"{"component": {"kind": "tool"}}"#).1.contains("name"));
    assert!(rejected(r#"{"component": {"name": "t"}}"#).1.contains("kind"));
    assert!(rejected(&with(r#""token": {}"#)).1.contains("client_id"));
}

#[test]
fn numbers_that_cannot_be_represented_exactly_are_rejected() {
    for number in [
        "1e400",
        "-1e400",
        "1180591620717411303424",
        "-9223372036854775809",
        "18446744073709551616",
        "1e18",
        "1e300",
        "9007199254740993.0",
    ] {
        let (path, reason) = rejected(&with_token(&format!(r#""claims": {{"n": [0, {number}]}}"#)));
        assert_eq!(path, "token.claims.n[1]", "{number}: {reason}");
        rejected(&with_token(&format!(r#""expires_at": {number}"#)));
    }
    for number in [
        "18446744073709551615",
        "-9223372036854775808",
        "0.1",
        "-0.0",
        "1e15",
        "9007199254740991.0",
        "1e-400",
        "2.5e-3",
    ] {
        AuthContext::from_slice(with_token(&format!(r#""claims": {{"n": {number}}}"#)).as_bytes()).unwrap();
    }
}

#[test]
fn invalid_json_is_rejected() {
    let whole = with(r#""action": "a""#);
    for end in 0..whole.len() {
        rejected(&whole[..end]);
    }
    for text in ["{'component': 1}", "{component: 1}", "NaN", "Infinity", "// c\n{}", "{\"a\": 01}", "{\"a\": +1}"] {
        rejected(text);
    }
    rejected(&format!("\u{feff}\u{feff}{whole}"));
    rejected(&format!(" \u{feff}{whole}"));
    rejected(&format!("{whole}{whole}"));
    rejected(&format!("{whole}\0"));
    rejected(&with(r#""action": "a",,"#));
    rejected(&with(r#""action": "\ud800""#));
    rejected(&with("\"action\": \"line\nfeed\""));
    for bytes in [&b"\xff"[..], b"{\"component\": {\"kind\": \"\xff\", \"name\": \"\"}}", b"\xed\xa0\x80"] {
        assert!(AuthContext::from_slice(bytes).is_err());
    }
}

#[test]
fn deep_nesting_is_rejected_and_does_not_overflow_the_stack() {
    for depth in [100, 127, 128, 1_000, 100_000, 500_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let text = with_token(&format!(r#""claims": {{"nested": {nested}}}"#));
        let result = AuthContext::from_slice(text.as_bytes());
        assert_eq!(result.is_ok(), depth == 100, "{depth}");
        assert!(Json::from_slice(nested.as_bytes()).is_err() || depth < 128, "{depth}");
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth.min(150_000)), "}".repeat(depth.min(150_000)));
        assert!(Json::from_slice(objects.as_bytes()).is_err() || depth < 128, "{depth}");
    }
}

#[test]
fn a_document_over_a_mebibyte_is_rejected_without_being_read() {
    let whole = with(r#""action": "a""#);
    let padded = |length: usize| format!("{whole}{}", " ".repeat(length - whole.len()));
    assert!(AuthContext::from_slice(padded(AuthContext::MAX_BYTES).as_bytes()).is_ok());
    let (_, reason) = rejected(&padded(AuthContext::MAX_BYTES + 1));
    assert!(reason.contains("1048577 bytes"), "{reason}");
}

#[test]
fn the_secret_is_never_written() {
    let context = somebody(&[]).with_token(AccessToken::default().with_raw(RawToken::new("secret")));
    assert!(!format!("{context:?} {context:#?}").contains("secret"));
    assert!(!json!(context).to_string().contains("secret"));
}

#[test]
fn a_byte_order_mark_before_a_document_is_ignored() {
    let text = with(r#""action": "a""#);
    let marked = format!("\u{feff}{text}");
    assert_eq!(AuthContext::from_slice(marked.as_bytes()).unwrap(), text.parse().unwrap());
    assert_eq!(marked.parse::<AuthContext>().unwrap(), text.parse().unwrap());
    assert_eq!(Json::from_slice(b"\xef\xbb\xbf7").unwrap(), json!(7).into());
    assert!(rejected(&format!("{text}\u{feff}")).1.contains("trailing characters"));
    assert!(Json::from_slice("\u{feff}\n{\"a\": }".as_bytes()).unwrap_err().reason().contains("line 2 column 7"));
}

#[test]
fn a_document_in_another_encoding_is_named() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let document: Vec<u8> = with(r#""action": "a""#).encode_utf16().flat_map(order).collect();
        let error = AuthContext::from_slice(&document).unwrap_err().to_string();
        assert_eq!(error, "the document is UTF-16, and JSON is UTF-8: save it as UTF-8");
    }
    let latin_1 = with(r#""action": "a""#).replace(": \"a\"", ": \"?\"").into_bytes();
    let latin_1: Vec<u8> = latin_1.into_iter().map(|byte| if byte == b'?' { 0xe4 } else { byte }).collect();
    let error = Json::from_slice(&latin_1).unwrap_err().to_string();
    assert!(error.starts_with("the document is not UTF-8: byte 0xe4 at line 1 column "), "{error}");
}
