//! Small files that would expand without bound when they are read or compiled: rejected before that.

use std::fmt::Write as _;

use guardhouse::LoadError;

use guardhouse_tests::guest::replaced;

use crate::harness::{Guest, fixture};

fn with(items: &str) -> Guest {
    Guest::with("allow", &[("items", items)])
}

/// Asserts that a plugin is rejected, with a reason that fits on a screen.
fn is_rejected(guest: &Guest) {
    let error = guest.load().unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { .. } | LoadError::Invalid { .. }), "{error}");
    assert!(error.to_string().len() < 1_000, "{error:.1000}");
}

#[test]
fn components_that_instantiate_each_other_ten_times_are_rejected() {
    // A component is flattened when it is compiled: each level multiplies its size by ten.
    let mut items = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=5 {
        let below = level - 1;
        let ten = format!("(instance (instantiate $c{below}))").repeat(10);
        let _ = write!(items, "(component $c{level} (alias outer 1 $c{below} (component $c{below})) {ten})");
    }
    items.push_str("(instance (instantiate $c5))");
    is_rejected(&with(&items));
}

#[test]
fn a_type_whose_text_would_take_megabytes_is_cut_in_the_error() {
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
    let text = replaced(&fixture("allow"), "(@include \"check\")", &export);
    let guest = Guest::from_text("a type of megabytes", &text);
    // `Guest::load` would print the error.
    let error = guardhouse::Plugin::load(guest.host(), guest.bytes()).unwrap_err();
    let length = error.to_string().len();
    assert!(matches!(error, LoadError::WrongType { .. }));
    assert!(length < 10_000, "an error of {length} bytes");
}

#[test]
fn names_of_a_hundred_kilobytes_are_cut_in_the_error() {
    let name = "a".repeat(90_000);
    let import = format!("(import \"{name}\" (func))");
    let guest = with(&import);
    let length = guardhouse::Plugin::load(guest.host(), guest.bytes()).unwrap_err().to_string().len();
    assert!(length < 10_000, "an error of {length} bytes");
}

#[test]
fn a_million_types_inside_a_type_are_rejected() {
    is_rejected(&with(&format!("(type (instance {}))", "(type (list u8))".repeat(900_000))));
}

#[test]
fn patterns_that_are_large_together_are_rejected() {
    // Each compiles to about a megabyte.
    let patterns: Vec<_> = (0..200).map(|n| serde_json::json!({ "pattern": format!("\\p{{L}}{{20}}{n}") })).collect();
    let schema = serde_json::json!({ "allOf": patterns }).to_string();
    let result = Guest::with_settings(&schema, "", "").load();
    assert!(matches!(result, Err(LoadError::BadSchema(_))), "{result:?}");
}
