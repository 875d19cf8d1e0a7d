//! Large plugins whose code and state are hard to separate.

use guardhouse::{Decision, Host, Plugin, run_auth_checks_blocking};
use guardhouse_tests::guest::{expanded, replaced};

use crate::harness::{Guest, fixture, nobody, small};

/// A plugin that is large enough to be split if `filler` is a megabyte. `answer` is the body of `check`.
fn text(filler: usize, items: &str, fields: &str, answer: &str) -> String {
    let filler = format!("(core module (data \"{}\"))", "a".repeat(filler));
    let text = replaced(&fixture("allow"), "(i32.const 16)))", &format!("{answer}))"));
    expanded(&text).replace("(@items)", &format!("{filler} {items}")).replace("(@fields)", fields)
}

fn outcome(filler: usize, items: &str, fields: &str, answer: &str) -> String {
    let host = Host::builder().limits(small()).build().unwrap();
    let bytes = Guest::from_text("plugin", &text(filler, items, fields, answer)).bytes().to_vec();
    match Plugin::load(&host, &bytes) {
        Err(error) => format!("does not load: {error}"),
        Ok(_) => {
            let check = Guest::from_text("plugin", &text(filler, items, fields, answer)).on_host(&host).check();
            format!("{:?}", run_auth_checks_blocking(&[check], &nobody()) == Decision::Allow)
        }
    }
}

#[test]
fn the_answer_of_a_plugin_does_not_depend_on_its_size() {
    const ALLOW: &str = "(i32.const 16)";
    let unused: String = (0..6).map(|_| "(core module (memory 1))").collect();
    let many: String =
        (0..9).map(|i| format!("(core module $u{i} (memory 1)) (core instance (instantiate $u{i}))")).collect();
    let nested = r#"
      (core module $s (memory 1) (global (mut i32) (i32.const 1)))
      (core instance (instantiate $s))
      (core module $yes (func (export "f") (result i32) (i32.const 16)))
      (core module $no (func (export "f") (result i32) (i32.const 32)))
      (component $inner
        (core type $t (module (export "f" (func (result i32)))))
        (import "m" (core module $m (type $t)))
        (core instance $i (instantiate $m))
        (func (export "g") (result u32) (canon lift (core func $i "f"))))
      (instance $in (instantiate $inner (with "m" (core module $no))))
      (core func $g (canon lower (func $in "g")))"#;
    let cases = [
        ("unused memories", unused.as_str(), "", ALLOW),
        ("unused out of bounds", "(core module (memory 1) (data (i32.const 70000) \"a\"))", "", ALLOW),
        ("nine memories", many.as_str(), "", ALLOW),
        (
            "segments in another order",
            "",
            "(memory 1) (data (i32.const 10) \"\\10\") (data (i32.const 0) \"y\") (data (i32.const 20) \"z\")",
            "(i32.load8_u 0 (i32.const 10))",
        ),
        ("nested", nested, "", ALLOW),
    ];
    let mut failed = Vec::new();
    for (name, items, fields, answer) in cases {
        let (whole, split) = (outcome(10, items, fields, answer), outcome(1 << 20, items, fields, answer));
        println!("{name}: whole {whole}, split {split}");
        if whole != split {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
