//! Files that are not plugins: each gets a clear error.

use guardhouse::{LoadError, Outcome, Plugin};
use guardhouse_tests::guest::{expanded, filled, replaced};

use crate::harness::{Guest, fixture, host, nobody};

const CHECK: &str = "guardhouse:auth/check@0.1.0";

fn load(text: &str) -> Result<Plugin, LoadError> {
    Guest::from_text(&text.chars().take(40).collect::<String>(), text).load()
}

/// The fixture `allow` with other exports.
fn exporting(exports: &str) -> String {
    replaced(&fixture("allow"), "(@include \"check\")", exports)
}

/// The fixture `allow` with a `check` of another type.
fn of_type(parameters_and_result: &str, core: &str) -> String {
    let text = exporting(&format!(
        "(func $check {parameters_and_result} (canon lift (core func $plugin \"check\")
           (memory (core memory $memory \"memory\")) (realloc (core func $memory \"realloc\"))))
         (instance $e (export \"check\" (func $check)))
         (export \"{CHECK}\" (instance $e))"
    ));
    replaced(&text, "(func (export \"check\") (param i32) (result i32)\n      (i32.const 16))", core)
}

#[test]
fn the_error_for_a_component_without_exports_names_the_missing_one() {
    let error = load("(component)").unwrap_err();
    let LoadError::NoCheck { expected, found, hint, .. } = &error else { panic!("{error}") };
    assert_eq!((expected.as_str(), found.as_str(), *hint), (CHECK, "nothing", ""));
}

#[test]
fn the_error_for_a_component_of_another_world_names_its_exports() {
    let text = "(component (core module $m (func (export \"run\"))) (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i \"run\"))) (instance $e (export \"run\" (func $run)))
        (export \"wasi:cli/run@0.2.0\" (instance $e)) (export \"main\" (func $run)))";
    let LoadError::NoCheck { found, .. } = load(text).unwrap_err() else { panic!("another error") };
    assert_eq!(found, "`wasi:cli/run@0.2.0`, `main`");
}

#[test]
fn the_error_for_a_bare_function_named_check_has_a_hint() {
    let text = "(component (core module $m (func (export \"run\"))) (core instance $i (instantiate $m))
        (func $check (canon lift (core func $i \"run\"))) (export \"check\" (func $check)))";
    let LoadError::NoCheck { hint, .. } = load(text).unwrap_err() else { panic!("another error") };
    assert!(hint.contains("carries no version"), "{hint}");
}

#[test]
fn the_error_for_a_check_of_another_type_shows_that_type() {
    let i32_i32 = "(func (export \"check\") (param i32) (result i32) unreachable)";
    let pointers = "(func (export \"check\") (param i32 i32) (result i32) unreachable)";
    for (ty, core, found) in [
        ("(result bool)", "(func (export \"check\") (result i32) unreachable)", "func() -> bool"),
        ("(param \"ctx\" string) (result bool)", pointers, "func(ctx: string) -> bool"),
        ("(param \"ctx\" $auth-context) (result bool)", i32_i32, "-> bool"),
        (
            "(param \"context\" $auth-context) (result (result bool (error $authorization-error)))",
            i32_i32,
            "func(context:",
        ),
        ("(param \"ctx\" $auth-context) (result (result bool))", i32_i32, "-> result<bool, _>"),
        ("(param \"ctx\" $auth-context)", "(func (export \"check\") (param i32))", "now: s64 })"),
    ] {
        let error = load(&of_type(ty, core)).unwrap_err();
        let LoadError::WrongType { name, found: shown, .. } = &error else { panic!("{error}") };
        assert_eq!(name, "guardhouse:auth/check@0.1.0#check");
        assert!(shown.contains(found), "{shown}");
    }
}

#[test]
fn an_empty_interface_under_the_name_of_the_contract_has_the_wrong_type() {
    for exports in [
        format!("(instance $e) (export \"{CHECK}\" (instance $e))"),
        format!(
            "(type $t (record (field \"check\" bool))) (export $t2 \"t\" (type $t)) (instance $e (export \"check\" (type $t2))) (export \"{CHECK}\" (instance $e))"
        ),
    ] {
        let error = load(&exporting(&exports)).unwrap_err();
        assert!(matches!(error, LoadError::WrongType { .. }), "{error}");
    }
}

#[test]
fn half_of_an_optional_interface_has_the_wrong_type() {
    let settings = include_str!("../fixtures/include/settings.wat");
    let halves = [
        replaced(settings, "(export \"schema\" (func $schema))", ""),
        replaced(settings, "(export \"configure\" (func $configure))", ""),
        replaced(settings, "(result string)", "(result (list u8))"),
    ];
    for half in &halves {
        let text = replaced(&fixture("settings"), "(@include \"settings\")", half);
        let error = load(&filled(&text, &[("schema", "\"{}\""), ("length", "2")])).unwrap_err();
        assert!(matches!(error, LoadError::WrongType { .. }), "{error}");
    }
}

#[test]
fn components_inside_a_plugin_must_pass_text_in_one_encoding() {
    let with = |one: &str, other: &str| {
        let items = format!(
            "(component $a
               (core module $m
                 (memory (export \"memory\") 1)
                 (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 0)
                 (func (export \"f\") (param i32 i32)))
               (core instance $i (instantiate $m))
               (func (export \"f\") (param \"s\" string)
                 (canon lift (core func $i \"f\") {one} (memory (core memory $i \"memory\"))
                   (realloc (core func $i \"realloc\")))))
             (component $b
               (import \"f\" (func $f (param \"s\" string)))
               (core module $m (memory (export \"memory\") 1))
               (core instance $i (instantiate $m))
               (core func (canon lower (func $f) {other} (memory (core memory $i \"memory\")))))
             (instance $a (instantiate $a))
             (instance $b (instantiate $b (with \"f\" (func $a \"f\"))))"
        );
        Guest::with("allow", &[("items", &items)]).load().map(|_| ())
    };
    assert_eq!(with("string-encoding=utf8", ""), Ok(()));
    for (one, other) in [
        ("string-encoding=utf16", "string-encoding=utf8"),
        ("", "string-encoding=utf16"),
        ("string-encoding=latin1+utf16", "string-encoding=latin1+utf16"),
    ] {
        assert_eq!(with(one, other), Err(LoadError::Encodings), "{one}, {other}");
    }
}

#[test]
fn a_component_inside_a_plugin_may_not_have_two_encodings() {
    // Two instances of it could pass text to each other.
    let with = |encoding: &str| {
        let items = format!(
            "(component $a
               (import \"f\" (func $f (param \"s\" string)))
               (core module $m
                 (memory (export \"memory\") 1)
                 (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 0)
                 (func (export \"f\") (param i32 i32)))
               (core instance $i (instantiate $m))
               (core func (canon lower (func $f) {encoding} (memory (core memory $i \"memory\"))))
               (func (export \"f\") (param \"s\" string)
                 (canon lift (core func $i \"f\") (memory (core memory $i \"memory\"))
                   (realloc (core func $i \"realloc\")))))
             (component $end
               (core module $m (func (export \"f\") (param i32 i32))
                 (memory (export \"memory\") 1)
                 (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 0))
               (core instance $i (instantiate $m))
               (func (export \"f\") (param \"s\" string)
                 (canon lift (core func $i \"f\") (memory (core memory $i \"memory\"))
                   (realloc (core func $i \"realloc\")))))
             (instance $end (instantiate $end))
             (instance $one (instantiate $a (with \"f\" (func $end \"f\"))))
             (instance $two (instantiate $a (with \"f\" (func $one \"f\"))))"
        );
        Guest::with("allow", &[("items", &items)]).load().map(|_| ())
    };
    assert_eq!(with("string-encoding=utf8"), Ok(()));
    assert_eq!(with("string-encoding=utf16"), Err(LoadError::Encodings));
}

#[test]
fn a_plugin_that_is_one_component_may_have_any_encoding() {
    for encoding in ["utf16", "latin1+utf16"] {
        let lift = format!("(canon lift (core func $plugin \"check\") string-encoding={encoding}");
        let text = replaced(&expanded(&fixture("allow")), "(canon lift (core func $plugin \"check\")", &lift);
        assert_eq!(Guest::from_text(encoding, &text).outcome(&nobody()), Outcome::Allow);
    }
}

#[test]
fn an_async_check_has_the_wrong_type_or_is_invalid() {
    let text = of_type(
        "async (param \"ctx\" $auth-context) (result (result bool (error $authorization-error)))",
        "(func (export \"check\") (param i32) (result i32) unreachable)",
    );
    let error = load(&text).unwrap_err();
    assert!(matches!(error, LoadError::WrongType { .. } | LoadError::Invalid { .. }), "{error}");
}

#[test]
fn a_core_module_is_recognized() {
    for text in ["(module)", "(module (func (export \"check\")) (memory 1))"] {
        assert_eq!(load(text).unwrap_err(), LoadError::CoreModule);
    }
}

#[test]
fn the_error_for_a_file_of_another_kind_says_what_the_file_looks_like() {
    for (bytes, hint) in [
        (&b""[..], ""),
        (b"\0", ""),
        (b"\0asm", ""),
        (b"#!/bin/sh\nexit 0\n", ""),
        (b"(component)", "wasm-tools parse"),
        (b"\n  (module)", "wasm-tools parse"),
        (b";; a comment", "wasm-tools parse"),
        (b"\x7fELF\x02\x01\x01", "native library"),
        (b"{\"json\": true}", ""),
        (b"PK\x03\x04", ""),
        (b"\xff\xfe\0\0", ""),
    ] {
        let error = Plugin::load(host(), bytes).unwrap_err();
        println!("{}: {error}", bytes.escape_ascii());
        assert!(matches!(error, LoadError::NotWasm { .. } | LoadError::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn unknown_versions_of_webassembly_are_invalid() {
    for version in [[2, 0, 0, 0], [0, 0, 0, 0], [0x0c, 0, 1, 0], [0x0d, 0, 2, 0], [0xff; 4]] {
        let bytes = [*b"\0asm", version].concat();
        let error = Plugin::load(host(), &bytes).unwrap_err();
        assert!(matches!(error, LoadError::Invalid { .. }), "{version:?}: {error}");
    }
}

#[test]
fn the_error_for_invalid_code_names_its_offset() {
    let text = replaced(&fixture("allow"), "(i32.const 16)", "(i64.const 16)");
    let LoadError::Invalid { offset, reason, .. } = load(&text).unwrap_err() else { panic!("another error") };
    assert!(offset > 0 && reason.contains("type mismatch"), "{offset}: {reason}");
}

#[test]
fn features_beyond_the_contract_do_not_load() {
    for (feature, code) in [
        ("threads", "(memory 1 1 shared)"),
        ("garbage collection", "(type (struct (field i32)))"),
        ("exceptions", "(tag)"),
    ] {
        let result = Guest::with("allow", &[("fields", code)]).load();
        assert!(result.is_err(), "{feature}");
    }
}

#[test]
fn plugins_of_equal_bytes_have_the_same_digest_and_a_custom_section_changes_it() {
    let guest = Guest::new("allow");
    let plugin = guest.load().unwrap();
    assert_eq!(plugin.digest(), guest.load().unwrap().digest());
    assert_eq!(plugin.size(), guest.bytes().len());
    let longer = [guest.bytes(), &[0, 2, 1, b'x']].concat();
    assert_ne!(plugin.digest(), Plugin::load(host(), &longer).unwrap().digest());
}
