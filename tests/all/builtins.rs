//! The built-in checks, as plugins and as native checks: rules B1 to B6.

use guardhouse::{
    AccessToken, AuthCheck, AuthContext, Check, CheckConfig, ConfigError, Json, native, run_auth_checks_blocking,
};
use serde_json::{Value, json};

use crate::harness::{builtin, nobody, settings, somebody};

/// The same check as a plugin and as a native check.
type Both = [Box<dyn AuthCheck>; 2];

fn configure(name: &str, values: Value) -> Result<Check, ConfigError> {
    Check::new(builtin(name), settings(values))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn require_auth() -> Both {
    [Box::new(configure("require-auth", Value::Null).unwrap()), Box::new(native::require_auth())]
}

fn require_scopes(scopes: &[&str]) -> Both {
    let plugin = configure("require-scopes", json!({ "scopes": scopes })).unwrap();
    [Box::new(plugin), Box::new(native::require_scopes(owned(scopes)))]
}

fn restrict_tag(tag: &str, scopes: &[&str]) -> Both {
    let plugin = configure("restrict-tag", json!({ "tag": tag, "scopes": scopes })).unwrap();
    [Box::new(plugin), Box::new(native::restrict_tag(tag.to_owned(), owned(scopes)))]
}

/// Returns `true` if both checks allow. They must agree.
fn allow(checks: Both, context: &AuthContext) -> bool {
    let [plugin, native] = checks.map(|check| run_auth_checks_blocking(&[check], context).into_result().unwrap());
    assert_eq!(plugin, native, "{context:?}");
    plugin
}

fn tagged(tags: &[&str], mut context: AuthContext) -> AuthContext {
    context.component.tags = owned(tags);
    context
}

#[test]
fn b1_any_token_is_enough() {
    assert!(!allow(require_auth(), &nobody()));
    assert!(allow(require_auth(), &somebody(&[])));
    for expires_at in [Some(0), Some(i64::MIN), Some(i64::MAX), Some(1_699_999_999), None] {
        let mut token = AccessToken::default();
        token.expires_at = expires_at;
        assert!(allow(require_auth(), &nobody().with_token(token)));
    }
}

#[test]
fn b2_every_scope_must_be_held() {
    assert!(allow(require_scopes(&["read", "write"]), &somebody(&["write", "extra", "read"])));
    assert!(!allow(require_scopes(&["read", "write"]), &somebody(&["read"])));
    assert!(!allow(require_scopes(&["read"]), &somebody(&[])));
    assert!(!allow(require_scopes(&["read"]), &nobody()));
}

#[test]
fn b2_without_scopes_any_token_is_allowed_and_no_token_is_not() {
    assert!(allow(require_scopes(&[]), &somebody(&[])));
    assert!(!allow(require_scopes(&[]), &nobody()));
}

#[test]
fn b3_a_component_without_the_tag_is_open_to_everybody() {
    assert!(allow(restrict_tag("admin", &["admin"]), &nobody()));
    assert!(allow(restrict_tag("admin", &["admin"]), &tagged(&["other"], nobody())));
}

#[test]
fn b3_a_component_with_the_tag_needs_a_token_and_every_scope() {
    let tags = &["x", "admin"];
    assert!(!allow(restrict_tag("admin", &["admin"]), &tagged(tags, nobody())));
    assert!(!allow(restrict_tag("admin", &["admin"]), &tagged(tags, somebody(&["read"]))));
    assert!(allow(restrict_tag("admin", &["admin"]), &tagged(tags, somebody(&["admin"]))));
    assert!(!allow(restrict_tag("admin", &[]), &tagged(tags, nobody())));
    assert!(allow(restrict_tag("admin", &[]), &tagged(tags, somebody(&[]))));
}

fn require_roles(roles: &[&str]) -> Both {
    let plugin = configure("require-roles", json!({ "roles": roles, "claim": "/realm_access/roles" })).unwrap();
    [Box::new(plugin), Box::new(native::require_roles(owned(roles), "/realm_access/roles".to_owned()).unwrap())]
}

fn claiming(claims: Value) -> AuthContext {
    let mut context = somebody(&["admin"]);
    context.token.as_mut().unwrap().claims = claims.into();
    context
}

#[test]
fn b4_every_role_must_be_in_the_claim_and_a_string_is_one_role() {
    let holding = |roles: Value| claiming(json!({ "realm_access": { "roles": roles } }));
    assert!(allow(require_roles(&["admin"]), &holding(json!(["user", "admin"]))));
    assert!(allow(require_roles(&["admin", "user", "admin"]), &holding(json!(["user", "admin"]))));
    assert!(!allow(require_roles(&["admin", "owner"]), &holding(json!(["user", "admin"]))));
    assert!(allow(require_roles(&["admin user"]), &holding(json!("admin user"))));
    assert!(!allow(require_roles(&["admin", "user"]), &holding(json!("admin user"))));
    assert!(!allow(require_roles(&["a"]), &holding(json!("admin"))));
    assert!(!allow(require_roles(&["Admin"]), &holding(json!(["admin"]))));
}

#[test]
fn b4_a_missing_or_ill_typed_claim_is_a_denial_without_a_message() {
    for ill_typed in [
        json!(1),
        json!(null),
        json!(true),
        json!({ "roles": "admin", "0": "admin" }),
        json!([]),
        json!([1]),
        json!([["admin"]]),
        json!(["admin", ["user"]]),
        json!(["admin", {}]),
        json!([{ "admin": true }]),
    ] {
        assert!(!allow(require_roles(&["admin"]), &claiming(json!({ "realm_access": { "roles": ill_typed } }))));
    }
    assert!(!allow(require_roles(&["admin"]), &claiming(json!({ "roles": ["admin"] }))));
    assert!(!allow(require_roles(&["admin"]), &claiming(json!([]))));
    assert!(!allow(require_roles(&["admin"]), &claiming(json!("admin"))));
    assert!(!allow(require_roles(&["admin"]), &nobody()));
}

#[test]
fn b4_the_names_of_an_object_are_roles_and_so_are_the_strings_of_a_mixed_list() {
    for roles in [json!({ "admin": { "123": "acme" }, "user": null }), json!(["admin", null, 1, 2.5, true, "user"])] {
        let holding = claiming(json!({ "realm_access": { "roles": roles } }));
        assert!(allow(require_roles(&["user", "admin"]), &holding));
        for role in ["123", "1", "true", "null", "2.5", ""] {
            assert!(!allow(require_roles(&[role]), &holding), "{role}");
        }
    }
}

#[test]
fn b4_a_claim_that_is_not_a_json_pointer_is_an_error_of_the_settings() {
    for invalid in ["/a~2b", "/a~", "/~", "roles", "a/b", " /roles", "#/roles", "/a~01~2", "~1"] {
        let error = native::require_roles(["admin"], invalid).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("is not a JSON pointer")), "{invalid}");
        let error = configure("require-roles", json!({ "roles": ["admin"], "claim": invalid })).unwrap_err();
        assert!(matches!(&error, ConfigError::Schema(found) if found.pointer == "/claim"), "{invalid}: {error}");
    }
    for valid in ["", "/", "/a~0b/c~1d", "/~01", "//", "/é", "/a b", "/a\nb"] {
        assert!(native::require_roles(["admin"], valid).is_ok(), "{valid}");
        assert!(configure("require-roles", json!({ "roles": ["admin"], "claim": valid })).is_ok(), "{valid}");
    }
}

#[test]
fn b4_an_empty_list_of_roles_is_an_error_of_the_settings() {
    assert!(native::require_roles([""; 0], "/roles").is_err());
    let error = configure("require-roles", json!({ "roles": [], "claim": "/roles" })).unwrap_err();
    let ConfigError::Schema(violation) = error else { panic!("{error}") };
    assert_eq!(violation.pointer, "/roles");
}

#[test]
fn b5_scopes_and_tags_are_compared_by_code_point() {
    let lookalikes = [
        ("read", "Read"),
        ("read", "READ"),
        ("read", " read"),
        ("read", "read "),
        ("read", "read\0"),
        ("read", "rea"),
        ("read", "read:all"),
        ("read:all", "read"),
        ("read write", "read"),
        ("*", "read"),
        ("read", "*"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("\u{212b}", "\u{c5}"),
        ("\u{430}dmin", "admin"),
        ("\u{ff52}ead", "read"),
        ("stra\u{df}e", "strasse"),
        ("\u{131}", "i"),
        ("\u{130}", "i\u{307}"),
        ("\u{fb01}", "fi"),
        ("re\u{200b}ad", "read"),
        ("\u{1d41a}", "a"),
    ];
    for (needed, held) in lookalikes {
        assert!(!allow(require_scopes(&[needed]), &somebody(&[held])), "{needed:?} {held:?}");
        assert!(allow(require_scopes(&[needed]), &somebody(&[held, needed])), "{needed:?}");
        assert!(allow(restrict_tag(needed, &[]), &tagged(&[held], nobody())), "{needed:?} {held:?}");
        assert!(!allow(restrict_tag(needed, &[]), &tagged(&[held, needed], nobody())), "{needed:?}");
    }
}

#[test]
fn b5_order_and_duplicates_do_not_matter_and_the_empty_text_is_a_scope() {
    assert!(allow(require_scopes(&["b", "a", "b", "b"]), &somebody(&["a", "a", "b"])));
    assert!(!allow(require_scopes(&[""]), &somebody(&[])));
    assert!(!allow(require_scopes(&[""]), &somebody(&["a"])));
    assert!(allow(require_scopes(&[""]), &somebody(&[""])));
    assert!(!allow(restrict_tag("", &[]), &tagged(&[""], nobody())));
    assert!(allow(restrict_tag("", &[]), &tagged(&["a"], nobody())));
}

#[test]
fn b5_claims_are_not_scopes_and_detail_does_not_have_tags() {
    let mut context = somebody(&[]);
    let everything = json!({ "scope": "admin", "scp": ["admin"], "scopes": ["admin"], "permissions": ["admin"] });
    context.token.as_mut().unwrap().claims = everything.into();
    assert!(!allow(require_scopes(&["admin"]), &context));
    let mut context = nobody();
    context.component.detail = json!({ "tags": ["admin"], "meta": { "tags": ["admin"] } }).into();
    assert!(allow(restrict_tag("admin", &["admin"]), &context));
}

#[test]
fn b6_settings_of_the_wrong_type_are_rejected_with_their_place() {
    let ill_typed = [
        ("require-scopes", json!({ "scopes": "admin" }), "/scopes"),
        ("require-scopes", json!({ "scopes": [1] }), "/scopes/0"),
        ("require-scopes", json!({ "scopes": ["a", null] }), "/scopes/1"),
        ("require-scopes", json!({ "scopes": null }), "/scopes"),
        ("require-scopes", json!({}), ""),
        ("require-scopes", json!([]), ""),
        ("require-scopes", json!("admin"), ""),
        ("require-scopes", json!({ "scopes": [], "scope": [] }), ""),
        ("restrict-tag", json!({ "tag": "a", "scopes": "admin" }), "/scopes"),
        ("restrict-tag", json!({ "tag": ["a"], "scopes": [] }), "/tag"),
        ("restrict-tag", json!({ "tags": "a", "scopes": [] }), ""),
        ("restrict-tag", json!({ "tag": "a" }), ""),
    ];
    for (name, settings, pointer) in ill_typed {
        let error = configure(name, settings.clone()).unwrap_err();
        println!("{name} {settings}: {error}");
        let ConfigError::Schema(violation) = error else { panic!("{settings}: {error}") };
        assert_eq!(violation.pointer, pointer, "{settings}: {violation}");
        assert!(!violation.reason.is_empty());
    }
}

#[test]
fn b6_omitted_settings_are_validated_as_an_empty_object() {
    for name in ["require-scopes", "restrict-tag"] {
        for settings in [None, Some(Json::from(Value::Null)), Some(Json::default())] {
            let result = Check::new(builtin(name), CheckConfig { settings, ..CheckConfig::default() });
            assert!(matches!(result, Err(ConfigError::Schema { .. })), "{name}");
        }
    }
}

#[test]
fn b6_a_plugin_without_settings_takes_none() {
    for settings in [json!({}), json!({ "scopes": [] }), json!([]), json!(false)] {
        assert_eq!(configure("require-auth", settings).unwrap_err(), ConfigError::NoSettings);
    }
    assert!(configure("require-auth", Value::Null).is_ok());
}

#[test]
fn b6_native_checks_accept_the_settings_that_the_plugins_accept_and_no_others() {
    let all = ["require-auth", "require-scopes", "restrict-tag", "require-roles"];
    let settings = [
        Value::Null,
        json!({}),
        json!([]),
        json!([["a"]]),
        json!("a"),
        json!(false),
        json!({ "scopes": [] }),
        json!({ "scopes": ["a", "a", ""] }),
        json!({ "scopes": "a" }),
        json!({ "scopes": null }),
        json!({ "scopes": ["a", 1] }),
        json!({ "scopes": ["a"], "scope": ["a"] }),
        json!({ "tag": "a", "scopes": [] }),
        json!({ "tag": "a" }),
        json!({ "tag": ["a"], "scopes": [] }),
        json!({ "tag": "a", "scopes": [], "x": 1 }),
        json!({ "roles": ["a"], "claim": "/a" }),
        json!({ "roles": ["a"], "claim": "" }),
        json!({ "roles": [], "claim": "/a" }),
        json!({ "roles": ["a"], "claim": "a" }),
        json!({ "roles": ["a"], "claim": "/a~2b" }),
        json!({ "roles": ["a"], "claim": "/a~" }),
        json!({ "roles": ["a"], "claim": ["/a"] }),
        json!({ "roles": ["a"] }),
        json!({ "roles": ["a"], "claim": "/a", "x": null }),
    ];
    for name in all {
        for settings in &settings {
            let native = native::from_settings(name, Some(settings.clone().into()));
            let plugin = configure(name, settings.clone());
            assert_eq!(native.is_ok(), plugin.is_ok(), "{name} {settings}: {:?} {plugin:?}", native.err());
        }
        assert_eq!(native::from_settings(name, None).is_ok(), name == "require-auth");
    }
    assert!(native::from_settings("require-luck", None).is_err());
}
