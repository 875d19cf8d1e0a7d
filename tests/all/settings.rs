//! Settings, and the schemas that they are validated against (rule B6).

use std::time::Duration;

use guardhouse::{AuthorizationError, Cause, ConfigError, HostLimits, LoadError, Outcome};
use serde_json::{Value, json};

use crate::harness::{Guest, nobody, small};

fn with_schema(schema: &str) -> Guest {
    Guest::with_settings(schema, "", "")
}

/// A plugin whose `configure` runs some code.
fn configured_by(code: &str) -> Guest {
    Guest::with_settings("true", "", code)
}

/// The reason why a schema is rejected.
fn rejected(schema: &str) -> String {
    match with_schema(schema).load() {
        Err(LoadError::BadSchema(reason)) => {
            assert!(reason.len() < 500, "{reason}");
            reason
        }
        other => panic!("{schema:.200}: {other:?}"),
    }
}

/// Leaves an error with the 18 bytes at 960.
const REJECTS: &str = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 960)) \
                       (i32.store (i32.const 72) (i32.const 18))";

#[test]
fn settings_reach_the_plugin_as_they_were_validated() {
    let guest = with_schema("true");
    for settings in [json!({}), json!({ "a": [1, "\u{0}", null] }), json!([]), json!("text"), json!(0)] {
        let expected = AuthorizationError::new(settings.to_string());
        assert_eq!(guest.clone().settings(settings).outcome(&nobody()), Outcome::DeniedWithMessage(expected));
    }
}

#[test]
fn omitted_settings_and_null_are_an_empty_object() {
    let empty = Outcome::DeniedWithMessage(AuthorizationError::new("{}"));
    let guest = with_schema(r#"{"type": "object"}"#);
    assert_eq!(guest.outcome(&nobody()), empty);
    assert_eq!(guest.settings(Value::Null).outcome(&nobody()), empty);
}

#[test]
fn settings_that_violate_the_schema_are_rejected_with_a_pointer_and_a_reason() {
    let schema = r#"{"type": "object", "properties": {"a~b": {"properties": {"c/d": {"items": {"maxLength": 2}}}}}}"#;
    let guest = Guest::with_settings(schema, "", "unreachable");
    let guest = guest.settings(json!({ "a~b": { "c/d": ["ok", "too long"] } }));
    let ConfigError::Schema(violation) = guest.configure().unwrap_err() else { panic!("another error") };
    assert_eq!(violation.pointer, "/a~0b/c~1d/1");
    assert_eq!(violation.reason, r#""too long" is longer than 2 characters"#);
}

#[test]
fn the_reason_of_a_violation_is_cut() {
    let guest = with_schema(r#"{"items": {"type": "null"}}"#).settings(json!(vec!["x".repeat(100_000); 9]));
    let error = guest.configure().unwrap_err();
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn settings_that_are_costly_to_validate_end_at_a_limit_of_the_validator() {
    let many = |count: usize, schema: &str| vec![schema; count].join(",");
    let unevaluated = |depth: usize| {
        let nested = |schema, _| format!(r#"{{"allOf": [{schema}], "unevaluatedProperties": false}}"#);
        (0..depth).fold("true".to_owned(), nested)
    };
    let text = Value::String("ab".repeat(250_000));
    let cases = [
        // Each level evaluates the levels inside it twice.
        (unevaluated(45), json!({})),
        (unevaluated(45), Value::Null),
        // The error of each item, in each branch.
        (format!(r#"{{"anyOf": [{{"items": {{"anyOf": [{}]}}}}]}}"#, many(14, "false")), json!(vec![0; 500_000])),
        // A thousand states for each character.
        (format!(r#"{{"allOf": [{}]}}"#, many(60, r#"{"pattern": "a[ab]{900}[c-z]"}"#)), text),
    ];
    for (schema, settings) in cases {
        let guest = with_schema(&schema).settings(settings);
        let guest = guest.limits(|limits| limits.configure_cpu_time = Duration::from_millis(200));
        match guest.configure() {
            Err(ConfigError::Validation(fault)) => {
                assert!([Cause::CpuTimeLimit, Cause::MemoryLimit].contains(&fault.cause), "{schema:.100}: {fault}");
            }
            other => panic!("{schema:.100}: {other:?}"),
        }
    }
}

#[test]
fn settings_are_validated_once_for_all_checks_and_a_verdict_is_not_that_of_other_settings() {
    let guest = with_schema(r#"{"pattern": "^a"}"#);
    for (settings, is_valid) in [("a", true), ("b", false), ("a", true), ("xa", false), ("b", false)] {
        let configured = guest.clone().settings(json!(settings)).configure();
        assert_eq!(configured.is_ok(), is_valid, "{settings}: {configured:?}");
    }
}

#[test]
fn ambiguous_schemas_and_schemas_with_too_many_patterns_do_not_load() {
    let patterns = (0..65).map(|n| format!(r#""{n}": {{"pattern": "a"}}"#)).collect::<Vec<_>>().join(",");
    for (schema, text) in [
        (r##"{"$ref": "#/$defs/%61", "$defs": {"a": false, "%61": true}}"##.to_owned(), "escapes"),
        (format!(r#"{{"properties": {{{patterns}}}}}"#), "schema_patterns"),
        (r#"{"pattern": "\pL{1000}{1000}"}"#.to_owned(), ""),
    ] {
        let reason = rejected(&schema);
        assert!(reason.contains(text), "{reason}");
    }
}

#[test]
fn settings_over_the_cap_are_rejected() {
    let settings = json!("x".repeat(998));
    let guest = with_schema("true").limits(|limits| limits.settings_bytes = 1_000);
    assert!(guest.clone().settings(settings).configure().is_ok());
    let error = guest.settings(json!("x".repeat(999))).configure().unwrap_err();
    assert!(matches!(error, ConfigError::SettingsTooLarge { found: 1_001, cap: 1_000, .. }), "{error}");
}

#[test]
fn the_reason_of_a_plugin_that_rejects_its_settings_is_quoted() {
    let error = configured_by(REJECTS).configure().unwrap_err();
    assert_eq!(error, ConfigError::Rejected("the moon is wrong\n".to_owned()));
}

#[test]
fn the_reason_of_a_plugin_that_rejects_its_settings_is_cut() {
    let long = "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 100000)) \
                (i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 1024)) \
                (i32.store (i32.const 72) (i32.const 100000))";
    let error = configured_by(long).configure().unwrap_err();
    assert_eq!(error, ConfigError::Rejected("a".repeat(1_000) + "…"));
}

#[test]
fn no_check_is_made_of_a_plugin_that_fails_in_configure() {
    configured_by("unreachable").fails_on_trial(Cause::Trap);
    configured_by("(i32.store8 (i32.const 64) (i32.const 9))").fails_on_trial(Cause::InvalidResult);
    let grow = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) unreachable";
    configured_by(grow).fails_on_trial(Cause::MemoryLimit);
    let guest = configured_by("(loop $for-ever (br $for-ever))");
    guest.limits(|limits| limits.fuel = Some(10_000)).fails_on_trial(Cause::OutOfFuel);
}

#[test]
fn a_rejection_over_the_cap_of_a_host_call_is_a_fault() {
    let long = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 0)) \
                (i32.store (i32.const 72) (i32.const 60000))";
    let guest = configured_by(long).limits(|limits| limits.host_call_bytes = 10_000);
    guest.fails_on_trial(Cause::HostCallLimit);
}

#[test]
fn settings_for_a_plugin_without_settings_are_rejected() {
    let error = Guest::new("allow").settings(json!({})).configure().unwrap_err();
    assert_eq!(error, ConfigError::NoSettings);
}

#[test]
fn a_schema_may_begin_with_a_byte_order_mark() {
    let settings = with_schema("\u{feff}{\"type\": \"object\"}").settings(json!({}));
    assert_eq!(settings.outcome(&nobody()), Outcome::DeniedWithMessage(AuthorizationError::new("{}")));
}

#[test]
fn a_schema_must_be_a_valid_json_schema() {
    for schema in
        ["", "{", "{} {}", "{\"a\": 1, \"a\": 2}", "\u{feff}\u{feff}{}", "1e400", "\"text\"", "17", "null", "[]"]
    {
        println!("{schema:?}: {}", rejected(schema));
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
        println!("{schema}: {}", rejected(schema));
    }
}

#[test]
fn a_schema_over_the_cap_is_rejected() {
    let schema = format!("{{\"title\": \"{}\"}}", "x".repeat(20_000));
    let guest = with_schema(&schema);
    assert!(guest.load().is_ok());
    let result = guest.on_own_host(HostLimits { schema_bytes: 20_000, ..small() }).load();
    let Err(LoadError::BadSchema(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("HostLimits::schema_bytes"), "{reason}");
}

#[test]
fn a_schema_far_over_the_cap_is_never_read() {
    // 100,000 bytes from the start of memory.
    let describe = "(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 100000)) \
                    (return (i32.const 64))";
    let limits = HostLimits { schema_bytes: 1_000, ..small() };
    let result = Guest::with_settings("{}", describe, "").on_own_host(limits).load();
    let Err(LoadError::Schema(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.cause, Cause::HostCallLimit);
}

#[test]
fn a_trap_in_schema_is_an_error_of_loading() {
    let result = Guest::with_settings("{}", "unreachable", "").load();
    let Err(LoadError::Schema(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.cause, Cause::Trap);
}

#[test]
fn a_recursive_schema_is_rejected() {
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"items": {"$ref": "#"}}"##,
        r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##,
        r##"{"$dynamicAnchor": "a", "items": {"$dynamicRef": "#a"}}"##,
        r##"{"$recursiveAnchor": true, "items": {"$recursiveRef": "#"}}"##,
    ] {
        println!("{schema}: {}", rejected(schema));
    }
}

#[test]
fn an_exponential_schema_is_rejected() {
    let mut defs = serde_json::Map::new();
    for level in 0..30 {
        let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
        defs.insert(level.to_string(), json!({ "allOf": [next.clone(), next] }));
    }
    defs.insert("30".to_owned(), json!(true));
    let schema = json!({ "$defs": defs, "$ref": "#/$defs/0" }).to_string();
    assert!(rejected(&schema).contains("HostLimits::schema_nodes"));
}

#[test]
fn a_schema_with_a_reference_to_anything_outside_it_is_rejected() {
    for schema in [
        r#"{"$ref": "https://example.com/schema.json"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"$ref": "other.json#/a"}"#,
        r#"{"$ref": "https://json-schema.org/draft/2020-12/schema"}"#,
        r#"{"$id": "https://example.com/a", "items": {"$ref": "b"}}"#,
        r#"{"items": {"$id": "https://example.com/b"}}"#,
        r##"{"$ref": "#/$defs/missing"}"##,
    ] {
        println!("{schema}: {}", rejected(schema));
    }
}

#[test]
fn patterns_that_backtrack_are_matched_in_linear_time_or_rejected() {
    let guest = with_schema(r#"{"pattern": "^(a+)+$"}"#).settings(json!("a".repeat(50_000) + "b"));
    assert!(matches!(guest.configure(), Err(ConfigError::Schema { .. })));
    for pattern in [r"(a)\\1", "(?=a)b", "(?<!a)b"] {
        rejected(&format!("{{\"pattern\": \"{pattern}\"}}"));
    }
}

#[test]
fn a_pattern_that_compiles_to_a_large_program_is_rejected() {
    for pattern in [r"((a{1000}){1000}){1000}", r"\\w{100000}", r"(\\p{L}{1000}){100}"] {
        rejected(&format!("{{\"pattern\": \"{pattern}\"}}"));
        rejected(&format!("{{\"patternProperties\": {{\"{pattern}\": true}}}}"));
    }
}

#[test]
fn a_schema_that_is_not_utf_8_is_an_invalid_result_and_not_a_fault_of_the_host() {
    let blanks = [("schema", "\"\\ff\""), ("length", "1"), ("describe", ""), ("configure", "")];
    let Err(LoadError::Schema(fault)) = Guest::with("settings", &blanks).load() else { panic!("loaded") };
    assert_eq!(fault.cause, Cause::InvalidResult, "{fault}");
}
