//! A merged plugin answers as the linked one, for each way in which a module refers to functions and globals.

use guardhouse::{AuthChecks, ImagePolicy, Outcome};
use guardhouse_authoring::merge;
use serde_json::json;

use crate::harness::{Guest, claiming};

/// The outcome of the fixture `linked`, with fields of its second module and code that runs in its check.
fn outcomes(fields: &str, late: &str) -> [Outcome; 3] {
    let linked = Guest::with("linked", &[("fields", fields), ("late", late)]).bytes().to_vec();
    let merged = merge(&linked).unwrap();
    assert_ne!(merged, linked, "{fields}");
    [(linked, ImagePolicy::Never), (merged.clone(), ImagePolicy::Never), (merged, ImagePolicy::Eager)].map(
        |(bytes, image)| {
            let guest = Guest::from_bytes("case", bytes).settings(json!({"a": 1})).image(image);
            let report = AuthChecks::new(&[guest.check()]).explain_blocking(&claiming(json!({"word": "12345"})));
            report.checks[0].evaluation.outcome.clone()
        },
    )
}

/// Code that traps unless an expression is 42.
fn is_42(expression: &str) -> String {
    format!("(if (i32.ne (i32.const 42) {expression}) (then unreachable))")
}

#[test]
fn each_way_of_referring_to_functions_and_globals_survives_a_merge() {
    let answer = "(func $answer (type $ready) (i32.const 42))";
    let call = "(call_indirect $own (type $ready) (i32.const 0))";
    let set = "(table.set $own (i32.const 0) (ref.func $answer))";
    let write = "(func $write (type $ready) (global.set $g (i32.const 42)) (i32.const 0))";
    for (fields, late, value) in [
        // Functions that only an export, a segment, a global or a table declares.
        (r#"(table $own 1 funcref) (export "answer" (func $answer))"#, set, call),
        ("(table $own 1 funcref) (elem declare func $answer)", set, call),
        ("(table $own 1 funcref) (elem declare funcref (ref.func $answer))", set, call),
        ("(table $own 1 funcref) (global $f funcref (ref.func $answer))", set, call),
        (
            "(table $own 1 funcref) (global $f funcref (ref.func $answer))",
            "(table.set $own (i32.const 0) (global.get $f))",
            call,
        ),
        (
            "(table $own 1 funcref) (global $f (mut funcref) (ref.func $answer))",
            "(table.set $own (i32.const 0) (global.get $f))",
            call,
        ),
        (
            "(table $own 1 funcref) (elem $e func $allowed $answer)",
            "(table.init $own $e (i32.const 0) (i32.const 1) (i32.const 1))",
            call,
        ),
        (
            "(table $own 1 funcref) (elem $e funcref (ref.null func) (ref.func $answer))",
            "(table.init $own $e (i32.const 0) (i32.const 1) (i32.const 1))",
            call,
        ),
        (
            "(table $own 2 funcref) (elem (table $own) (i32.const 0) func $allowed $allowed) (elem (table $own) (i32.const 0) func $answer)",
            "",
            call,
        ),
        ("(table $own 1 funcref)", "", "(i32.add (i32.const 41) (ref.is_null (table.get $own (i32.const 0))))"),
        (
            "(table $own 1 funcref) (elem $e func $answer)",
            "(elem.drop $e) (table.init $own $e (i32.const 0) (i32.const 0) (i32.const 0))",
            "(i32.const 42)",
        ),
        (
            "(table $own 0 5 funcref) (elem declare func $answer)",
            "(drop (table.grow $own (ref.func $answer) (i32.const 3)))",
            "(call_indirect $own (type $ready) (i32.const 2))",
        ),
        // Calls that end a function.
        ("(func $end (type $ready) (return_call $answer))", "", "(call $end)"),
        (
            "(table $own 1 funcref) (elem (table $own) (i32.const 0) func $answer) (func $end (type $ready) (return_call_indirect $own (type $ready) (i32.const 0)))",
            "",
            "(call $end)",
        ),
        // Globals that only a function in a table writes.
        (
            "(table $own 1 funcref) (global $g (mut i32) (i32.const 1)) (elem (table $own) (i32.const 0) func $write)",
            "(drop (call_indirect $own (type $ready) (i32.const 0)))",
            "(global.get $g)",
        ),
        (
            "(table $own 1 funcref) (global $g (mut i32) (i32.const 1)) (elem declare func $write)",
            "(table.set $own (i32.const 0) (ref.func $write)) (drop (call_indirect $own (type $ready) (i32.const 0)))",
            "(global.get $g)",
        ),
        (
            "(global $g (mut i32) (i32.const 1)) (func $through (drop (call $write)))",
            "(call $through)",
            "(global.get $g)",
        ),
        ("(global $g (mut i32) (i32.const 42))", "", "(global.get $g)"),
        // Globals of other types.
        ("(global $v v128 (v128.const i32x4 1 2 42 4))", "", "(i32x4.extract_lane 2 (global.get $v))"),
        ("(global $v (mut v128) (v128.const i32x4 1 2 42 4))", "", "(i32x4.extract_lane 2 (global.get $v))"),
        (
            "(global $d f64 (f64.const nan:0x400000000002a))",
            "",
            "(i32.wrap_i64 (i64.and (i64.reinterpret_f64 (global.get $d)) (i64.const 0xff)))",
        ),
        (
            "(global $d f32 (f32.const nan:0x20002a))",
            "",
            "(i32.and (i32.reinterpret_f32 (global.get $d)) (i32.const 0xff))",
        ),
        ("(global $d i64 (i64.add (i64.const 40) (i64.const 2)))", "", "(i32.wrap_i64 (global.get $d))"),
        ("(global $d i32 (i32.sub (i32.const 2090) (global.get $memory)))", "", "(global.get $d)"),
        // Globals at the places of segments.
        (
            "(global $d (mut i32) (i32.const 1))(data (i32.add (global.get $memory) (i32.const 100)) \"*\")",
            "",
            "(i32.load8_u (i32.const 2148))",
        ),
        (
            "(memory $other 1) (data (memory $other) (i32.sub (global.get $memory) (i32.const 2048)) \"*\")",
            "",
            "(i32.load8_u $other (i32.const 0))",
        ),
    ] {
        let written = if fields.contains("$g ") { write } else { "" };
        let fields = format!("{fields} {answer} {written}");
        let late = format!("{late} {}", is_42(value));
        assert_eq!(outcomes(&fields, &late), [Outcome::Allow, Outcome::Allow, Outcome::Allow], "{fields} {late}");
    }
}
