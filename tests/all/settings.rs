//! Settings, and the schemas that they are held against (rule B6).

use guardhouse::{AuthorizationError, Cause, ConfigError, HostLimits, LoadError, Outcome};
use serde_json::{Value, json};

use crate::harness::{Guest, nobody, small, with_settings};

fn bad(schema: &str) -> String {
    match with_settings(schema, "", "").load() {
        Err(LoadError::BadSchema(reason)) => {
            assert!(reason.len() < 500, "{reason}");
            reason
        }
        other => panic!("{schema:.200}: {other:?}"),
    }
}

/// Leaves `error` with the 17 bytes at 960, and one more of a line end.
const REFUSES: &str = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 960)) \
                       (i32.store (i32.const 72) (i32.const 18))";

#[test]
fn settings_reach_the_plugin_as_they_were_checked() {
    let guest = with_settings("true", "", "");
    for settings in [json!({}), json!({ "a": [1, "\u{0}", null] }), json!([]), json!("text"), json!(0)] {
        let expected = AuthorizationError::new(settings.to_string());
        assert_eq!(guest.clone().settings(settings).outcome(&nobody()), Outcome::DeniedWithMessage(expected));
    }
}

#[test]
fn no_settings_and_null_are_an_empty_object() {
    let empty = Outcome::DeniedWithMessage(AuthorizationError::new("{}"));
    let guest = with_settings(r#"{"type": "object"}"#, "", "");
    assert_eq!(guest.outcome(&nobody()), empty);
    assert_eq!(guest.settings(Value::Null).outcome(&nobody()), empty);
}

#[test]
fn settings_that_break_the_schema_are_refused_with_their_place_and_the_reason() {
    let schema = r#"{"type": "object", "properties": {"a~b": {"properties": {"c/d": {"items": {"maxLength": 2}}}}}}"#;
    let guest = with_settings(schema, "", "unreachable").settings(json!({ "a~b": { "c/d": ["ok", "too long"] } }));
    let ConfigError::Schema(violation) = guest.configure().unwrap_err() else { panic!("another error") };
    assert_eq!(violation.pointer, "/a~0b/c~1d/1");
    assert_eq!(violation.reason, r#""too long" is longer than 2 characters"#);
}

#[test]
fn the_reason_of_a_violation_is_cut() {
    let guest = with_settings(r#"{"items": {"type": "null"}}"#, "", "").settings(json!(vec!["x".repeat(100_000); 9]));
    let error = guest.configure().unwrap_err();
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn settings_of_more_values_than_a_large_schema_can_be_held_against_are_refused() {
    // Each of 10,000 items would be held against each of 2,000 subschemas.
    let bounds = (0..2_000).map(|n| format!(r#"{{"minimum": {n}}}"#)).collect::<Vec<_>>().join(",");
    let schema = format!(r#"{{"items": {{"allOf": [{bounds}]}}}}"#);
    let guest = with_settings(&schema, "", "");
    assert!(guest.clone().settings(json!([3_000])).configure().is_ok());
    let ConfigError::Schema(violation) = guest.settings(json!(vec![0; 10_000])).configure().unwrap_err() else {
        panic!("another error")
    };
    assert!(violation.reason.contains("too many"), "{violation}");
}

#[test]
fn schemas_that_two_readers_would_read_differently_or_with_too_many_patterns_do_not_load() {
    let patterns = (0..65).map(|n| format!(r#""{n}": {{"pattern": "a"}}"#)).collect::<Vec<_>>().join(",");
    for (schema, words) in [
        (r##"{"$ref": "#/$defs/%61", "$defs": {"a": false, "%61": true}}"##.to_owned(), "escapes"),
        (format!(r#"{{"properties": {{{patterns}}}}}"#), "schema_patterns"),
        (r#"{"pattern": "\pL{1000}{1000}"}"#.to_owned(), ""),
    ] {
        let error = with_settings(&schema, "", "").load().unwrap_err();
        let LoadError::BadSchema(reason) = &error else { panic!("{error}") };
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn settings_over_the_cap_are_refused() {
    let settings = json!("x".repeat(998));
    let guest = with_settings("true", "", "").limits(|limits| limits.settings_bytes = 1_000);
    assert!(guest.clone().settings(settings).configure().is_ok());
    let error = guest.settings(json!("x".repeat(999))).configure().unwrap_err();
    assert_eq!(error, ConfigError::SettingsTooLarge { found: 1_001, cap: 1_000 });
}

#[test]
fn a_plugin_that_refuses_its_settings_is_quoted() {
    let error = with_settings("true", "", REFUSES).configure().unwrap_err();
    assert_eq!(error, ConfigError::Rejected("the moon is wrong\n".to_owned()));
}

#[test]
fn a_plugin_that_refuses_its_settings_at_length_is_cut() {
    let long = "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 100000)) \
                (i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 1024)) \
                (i32.store (i32.const 72) (i32.const 100000))";
    let error = with_settings("true", "", long).configure().unwrap_err();
    assert_eq!(error, ConfigError::Rejected("a".repeat(1_000) + "…"));
}

#[test]
fn a_plugin_that_fails_while_it_is_configured_makes_no_check() {
    with_settings("true", "", "unreachable").fails_on_trial(Cause::Trap);
    let bad_tag = "(i32.store8 (i32.const 64) (i32.const 9))";
    with_settings("true", "", bad_tag).fails_on_trial(Cause::InvalidResult);
    let grow = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) unreachable";
    with_settings("true", "", grow).fails_on_trial(Cause::MemoryLimit);
    let guest = with_settings("true", "", "(loop $for-ever (br $for-ever))");
    guest.limits(|limits| limits.fuel = Some(10_000)).fails_on_trial(Cause::OutOfFuel);
}

#[test]
fn a_refusal_of_more_than_one_call_may_carry_is_a_fault() {
    let long = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 0)) \
                (i32.store (i32.const 72) (i32.const 60000))";
    let guest = with_settings("true", "", long).limits(|limits| limits.host_call_bytes = 10_000);
    guest.fails_on_trial(Cause::HostCallLimit);
}

#[test]
fn a_plugin_without_settings_takes_none() {
    let error = Guest::new("allow").settings(json!({})).configure().unwrap_err();
    assert_eq!(error, ConfigError::NoSettings);
}

#[test]
fn a_schema_must_be_json_and_a_schema() {
    for schema in ["", "{", "{} {}", "{\"a\": 1, \"a\": 2}", "\u{feff}{}", "1e400", "\"text\"", "17", "null", "[]"] {
        println!("{schema:?}: {}", bad(schema));
    }
    for schema in [
        r#"{"type": 5}"#,
        r#"{"type": "no-such-type"}"#,
        r#"{"minLength": -1}"#,
        r#"{"properties": []}"#,
        r#"{"pattern": "("}"#,
        r#"{"multipleOf": 0}"#,
        r#"{"required": "scopes"}"#,
    ] {
        println!("{schema}: {}", bad(schema));
    }
}

#[test]
fn a_schema_over_the_cap_is_refused() {
    let schema = format!("{{\"title\": \"{}\"}}", "x".repeat(20_000));
    let guest = with_settings(&schema, "", "");
    assert!(guest.load().is_ok());
    let result = guest.on(HostLimits { schema_bytes: 20_000, ..small() }).load();
    let Err(LoadError::BadSchema(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("HostLimits::schema_bytes"), "{reason}");
}

#[test]
fn a_schema_far_over_the_cap_is_never_read() {
    // 100,000 bytes from the start of memory.
    let describe = "(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 100000)) \
                    (return (i32.const 64))";
    let result = with_settings("{}", describe, "").on(HostLimits { schema_bytes: 1_000, ..small() }).load();
    let Err(LoadError::Schema(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.cause, Cause::HostCallLimit);
}

#[test]
fn a_schema_that_traps_or_exits_is_named() {
    let result = with_settings("{}", "unreachable", "").load();
    let Err(LoadError::Schema(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.cause, Cause::Trap);
}

#[test]
fn a_recursive_schema_is_refused() {
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"items": {"$ref": "#"}}"##,
        r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##,
        r##"{"$dynamicAnchor": "a", "items": {"$dynamicRef": "#a"}}"##,
        r##"{"$recursiveAnchor": true, "items": {"$recursiveRef": "#"}}"##,
    ] {
        println!("{schema}: {}", bad(schema));
    }
}

#[test]
fn an_exponential_schema_is_refused() {
    let mut defs = serde_json::Map::new();
    for level in 0..30 {
        let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
        defs.insert(level.to_string(), json!({ "allOf": [next.clone(), next] }));
    }
    defs.insert("30".to_owned(), json!(true));
    let schema = json!({ "$defs": defs, "$ref": "#/$defs/0" }).to_string();
    assert!(bad(&schema).contains("HostLimits::schema_nodes"));
}

#[test]
fn a_schema_that_refers_to_anything_outside_itself_is_refused() {
    for schema in [
        r#"{"$ref": "https://example.com/schema.json"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"$ref": "other.json#/a"}"#,
        r#"{"$ref": "https://json-schema.org/draft/2020-12/schema"}"#,
        r#"{"$id": "https://example.com/a", "items": {"$ref": "b"}}"#,
        r#"{"items": {"$id": "https://example.com/b"}}"#,
        r##"{"$ref": "#/$defs/missing"}"##,
    ] {
        println!("{schema}: {}", bad(schema));
    }
}

#[test]
fn patterns_that_backtrack_are_matched_in_linear_time_or_refused() {
    let guest = with_settings(r#"{"pattern": "^(a+)+$"}"#, "", "").settings(json!("a".repeat(50_000) + "b"));
    assert!(matches!(guest.configure(), Err(ConfigError::Schema { .. })));
    for pattern in [r"(a)\\1", "(?=a)b", "(?<!a)b"] {
        bad(&format!("{{\"pattern\": \"{pattern}\"}}"));
    }
}

#[test]
fn a_pattern_that_becomes_large_is_refused() {
    for pattern in [r"((a{1000}){1000}){1000}", r"\\w{100000}", r"(\\p{L}{1000}){100}"] {
        bad(&format!("{{\"pattern\": \"{pattern}\"}}"));
        bad(&format!("{{\"patternProperties\": {{\"{pattern}\": true}}}}"));
    }
}

#[test]
fn a_schema_that_is_no_text_is_an_invalid_result_and_no_fault_of_the_host() {
    let blanks = [("schema", "\"\\ff\""), ("length", "1"), ("describe", ""), ("configure", "")];
    let Err(LoadError::Schema(fault)) = Guest::with("settings", &blanks).load() else { panic!("loaded") };
    assert_eq!(fault.cause, Cause::InvalidResult, "{fault}");
}
