//! Small files that would grow beyond all bounds when they are read or compiled: refused, at once, whatever they are.

use std::fmt::Write as _;

use guardhouse::LoadError;

use crate::harness::{Guest, fixture, with_settings};

/// `allow.wat` with more before its core module, or in it.
fn with(name: &str, items: &str, code: &str) -> Guest {
    let text = fixture("allow");
    Guest::from_text(name, &text.replace("(core module $plugin", &format!("{items} (core module $plugin {code}")))
}

/// Refused with a reason that fits on a screen.
fn refused(guest: &Guest) {
    let error = guest.load().unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { .. } | LoadError::Invalid { .. }), "{error}");
    assert!(error.to_string().len() < 1_000, "{error:.1000}");
}

#[test]
fn components_that_instantiate_each_other_ten_times_are_refused() {
    // A component is flattened when it is compiled: each level makes it ten times as large.
    let mut items = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=5 {
        let below = level - 1;
        let ten = format!("(instance (instantiate $c{below}))").repeat(10);
        let _ = write!(items, "(component $c{level} (alias outer 1 $c{below} (component $c{below})) {ten})");
    }
    items.push_str("(instance (instantiate $c5))");
    refused(&with("a hundred thousand instances", &items, ""));
}

#[test]
fn a_type_that_would_take_megabytes_to_write_down_is_cut_in_the_error() {
    let name = "a".repeat(1_000);
    let mut types = String::new();
    let mut inner = "string".to_owned();
    for level in 0..3 {
        let fields: String = (0..16).map(|n| format!("(field \"{name}-f{n}\" {inner})")).collect();
        let _ =
            write!(types, "(type $r{level} (record {fields})) (export \"t{level}\" (type $e{level} (eq $r{level})))");
        inner = format!("$e{level}");
    }
    let export = format!(
        "(import \"x:y/types\" (instance $t {types})) (alias export $t \"t2\" (type $top))
         (func $check (param \"ctx\" $top) (result bool) (canon lift (core func $plugin \"check\")
           (memory (core memory $memory \"memory\")) (realloc (core func $memory \"realloc\"))))
         (instance $e (export \"check\" (func $check)))
         (export \"guardhouse:auth/check@0.1.0\" (instance $e))"
    );
    let guest = Guest::from_text("a type of megabytes", &fixture("allow").replace("(@include \"check\")", &export));
    // Not with `Guest::load`, which would print it.
    let error = guardhouse::Plugin::load(&guest.host, guest.bytes()).unwrap_err();
    let length = error.to_string().len();
    assert!(matches!(error, LoadError::WrongType { .. }));
    assert!(length < 10_000, "an error of {length} bytes");
}

#[test]
fn names_of_a_hundred_kilobytes_are_cut_in_the_error() {
    let name = "a".repeat(90_000);
    let import = format!("(import \"{name}\" (func))");
    let guest = with("a long import", &import, "");
    let length = guardhouse::Plugin::load(&guest.host, guest.bytes()).unwrap_err().to_string().len();
    assert!(length < 10_000, "an error of {length} bytes");
}

#[test]
fn a_million_types_inside_a_type_are_refused() {
    let items = format!("(type (instance {}))", "(type (list u8))".repeat(900_000));
    refused(&with("types inside types", &items, ""));
}

#[test]
fn patterns_that_are_large_together_are_refused() {
    // Each becomes about a megabyte.
    let patterns: Vec<_> = (0..200).map(|n| serde_json::json!({ "pattern": format!("\\p{{L}}{{20}}{n}") })).collect();
    let schema = serde_json::json!({ "allOf": patterns }).to_string();
    let result = with_settings(&schema, "", "").load();
    assert!(matches!(result, Err(LoadError::BadSchema(_))), "{result:?}");
}
