//! Contexts of unit tests answer like the host.

use guardhouse_sdk::testing::ContextBuilder;
use serde_json::json;

#[test]
fn a_context_starts_with_no_token_and_no_arguments() {
    let ctx = ContextBuilder::tool("delete").build();
    assert_eq!(ctx.token(), None);
    assert_eq!(ctx.raw_token(), None);
    assert_eq!(ctx.claim(""), None);
    assert_eq!(ctx.argument(""), None);
    assert_eq!(ctx.detail(""), Some(json!({})));
    assert_eq!(ctx.attribute(""), Some(json!({})));
    assert_eq!((ctx.action(), ctx.now()), ("tools/call", 0));
}

#[test]
fn a_property_of_the_token_creates_one() {
    let builders: [fn(ContextBuilder) -> ContextBuilder; 8] = [
        ContextBuilder::token,
        |builder| builder.client_id("app"),
        |builder| builder.subject("ada"),
        |builder| builder.scopes(["read"]),
        |builder| builder.expires_at(1),
        |builder| builder.resource_indicator("https://example.com"),
        |builder| builder.claim("tid", "acme"),
        |builder| builder.raw_token("secret"),
    ];
    for build in builders {
        let ctx = build(ContextBuilder::tool("delete")).build();
        assert!(ctx.token().is_some());
        assert!(ctx.claim("").is_some());
    }
}

#[test]
#[should_panic(expected = "`realm_access` is no JSON pointer")]
fn an_invalid_pointer_panics() {
    let _ = ContextBuilder::tool("delete").build().claim("realm_access");
}

#[test]
#[should_panic(expected = "`/a~b` is no JSON pointer")]
fn an_invalid_escape_panics() {
    let _ = ContextBuilder::tool("delete").build().claim("/a~b");
}

#[test]
fn pointers_reach_into_documents() {
    let ctx = ContextBuilder::tool("delete")
        .claims(json!({"realm_access": {"roles": ["admin"]}, "a/b": 1}))
        .argument("amount", 5)
        .detail("title", "Delete")
        .attribute("peer", "10.0.0.1")
        .build();
    assert_eq!(ctx.claim("/realm_access/roles/0"), Some(json!("admin")));
    assert_eq!(ctx.claim("/a~1b"), Some(json!(1)));
    assert_eq!(ctx.argument(""), Some(json!({"amount": 5})));
    assert_eq!(ctx.detail("/title"), Some(json!("Delete")));
    assert_eq!(ctx.attribute("/peer"), Some(json!("10.0.0.1")));
}

#[test]
fn a_typed_value_exists_or_is_absent_or_has_another_type() {
    let ctx = ContextBuilder::tool("delete").claim("level", 3).build();
    assert_eq!(ctx.claim_as::<u8>("/level").unwrap(), Some(3));
    assert_eq!(ctx.claim_as::<u8>("/rank").unwrap(), None);
    assert!(ctx.claim_as::<String>("/level").is_err());
}

#[test]
fn only_a_tool_is_a_tool() {
    assert!(ContextBuilder::tool("a").build().tool().is_some());
    assert!(ContextBuilder::resource("a", "file:///a").build().tool().is_none());
    assert!(ContextBuilder::prompt("a").build().tool().is_none());
}

#[test]
fn scopes_and_tags_are_compared_by_code_point() {
    let ctx = ContextBuilder::tool("a").scopes(["read", "", "caf\u{e9}"]).tags(["Admin"]).build();
    let token = ctx.token().unwrap();
    assert!(token.has_scopes(["caf\u{e9}", "", "read", "read"]));
    assert!(token.has_scopes([""; 0]));
    for scope in ["Read", "read ", "cafe\u{301}", "rea"] {
        assert!(!token.has_scope(scope), "{scope}");
    }
    assert_eq!(token.missing_scopes(["write", "read", "admin"]), ["write", "admin"]);
    assert!(ctx.component().has_tag("Admin") && !ctx.component().has_tag("admin"));
}
