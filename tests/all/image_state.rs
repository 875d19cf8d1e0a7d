//! Images and each kind of state of a plugin: an instance that starts from an image answers as one that configures
//! itself (rule S7), independently of `configure`.

use guardhouse::{AuthChecks, AuthContext, Cause, Decision, ImagePolicy, Outcome, StartMode, run_auth_checks_blocking};
use serde_json::json;

use crate::harness::{Guest, claiming, reproducible};

/// The blanks of the fixture `configured`.
pub(crate) struct Plan<'a> {
    pub(crate) items: &'a str,
    pub(crate) with: &'a str,
    pub(crate) fields: &'a str,
    pub(crate) configure: &'a str,
    pub(crate) check: &'a str,
}

pub(crate) const PLAN: Plan<'static> = Plan { items: "", with: "", fields: "", configure: "", check: "" };

impl Plan<'_> {
    pub(crate) fn guest(&self, policy: ImagePolicy) -> Guest {
        let Self { items, with, fields, configure, check } = self;
        let blanks =
            [("items", *items), ("with", *with), ("fields", *fields), ("configure", *configure), ("check", *check)];
        Guest::with("configured", &blanks).image(policy)
    }

    /// The outcome, which must be the same without an image and with one (or where no image can be made).
    pub(crate) fn outcome(&self) -> Outcome {
        let [expected, found] = [ImagePolicy::Never, ImagePolicy::Eager].map(|policy| {
            let check = self.guest(policy).check();
            println!("{}: {:?}", self.configure, check.start_mode());
            AuthChecks::new(&[check]).explain_blocking(&suspended())
        });
        assert_eq!(reproducible(&found), reproducible(&expected), "with an image and without");
        expected.checks.into_iter().next().unwrap().evaluation.outcome
    }
}

fn suspended() -> AuthContext {
    claiming(json!({ "suspended": true }))
}

#[test]
fn an_image_has_the_globals_and_the_memory_that_configure_left() {
    for (fields, configure, check) in [
        ("(global $g (mut i32) (i32.const 16))", "(global.set $g (i32.const 32))", "(global.get $g)"),
        ("(global $g (mut i64) (i64.const 16))", "(global.set $g (i64.const 32))", "(i32.wrap_i64 (global.get $g))"),
        ("(global $g (mut f64) (f64.const 16))", "(global.set $g (f64.const 32))", "(i32.trunc_f64_u (global.get $g))"),
        ("", "(i32.store (i32.const 2000) (i32.const 32))", "(i32.load (i32.const 2000))"),
        ("(memory $own 1)", "(i32.store $own (i32.const 0) (i32.const 32))", "(i32.load $own (i32.const 0))"),
    ] {
        assert_eq!(Plan { fields, configure, check, ..PLAN }.outcome(), Outcome::Denied);
    }
}

#[test]
fn an_image_has_the_memory_that_configure_has_grown() {
    let check = "(select (i32.const 32) (i32.const 16) (i32.eq (memory.size) (i32.const 5)))";
    let plan = Plan { configure: "(drop (memory.grow (i32.const 3)))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

#[test]
fn an_image_has_the_table_that_configure_has_changed() {
    let fields = "(table $t 1 10 funcref) (elem (table $t) (i32.const 0) func $allow) (elem declare func $deny)";
    let check = "(call_indirect $t (type $answer) (i32.const 0))";
    let plan = Plan { fields, configure: "(table.set $t (i32.const 0) (ref.func $deny))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
    let check = "(select (i32.const 16) (i32.const 32) (i32.eq (table.size $t) (i32.const 1)))";
    let grow = "(drop (table.grow $t (ref.func $deny) (i32.const 1)))";
    assert_eq!(Plan { fields, configure: grow, check, ..PLAN }.outcome(), Outcome::Denied);
    let fill = "(table.fill $t (i32.const 0) (ref.func $deny) (i32.const 1))";
    let check = "(call_indirect $t (type $answer) (i32.const 0))";
    assert_eq!(Plan { fields, configure: fill, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn an_image_has_the_references_that_configure_has_set() {
    let fields = "(table $t 1 funcref) (global $g (mut funcref) (ref.func $allow)) (elem declare func $allow $deny)";
    let check = "(table.set $t (i32.const 0) (global.get $g)) (call_indirect $t (type $answer) (i32.const 0))";
    let plan = Plan { fields, configure: "(global.set $g (ref.func $deny))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

#[test]
fn an_image_does_not_have_the_segments_that_configure_has_dropped() {
    let check = "(memory.init $d (i32.const 2000) (i32.const 0) (i32.const 1)) (i32.const 16)";
    let plan = Plan { fields: "(data $d \"x\")", configure: "(data.drop $d)", check, ..PLAN };
    assert!(matches!(plan.outcome(), Outcome::Failed(fault) if fault.cause == Cause::Trap));
    let fields = "(table $t 1 funcref) (elem $e func $allow)";
    let check = "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 16)";
    let plan = Plan { fields, configure: "(elem.drop $e)", check, ..PLAN };
    assert!(matches!(plan.outcome(), Outcome::Failed(fault) if fault.cause == Cause::Trap));
}

#[test]
fn an_image_keeps_the_bits_of_a_nan() {
    let fields = "(global $g (mut f32) (f32.const 0)) (global $h (mut f64) (f64.const 0))";
    let configure = "(global.set $g (f32.reinterpret_i32 (i32.const 0x7fa00001)))
                     (global.set $h (f64.reinterpret_i64 (i64.const 0x7ff4000000000001)))";
    let check = "(select (i32.const 32) (i32.const 16) (i32.and
        (i32.eq (i32.reinterpret_f32 (global.get $g)) (i32.const 0x7fa00001))
        (i64.eq (i64.reinterpret_f64 (global.get $h)) (i64.const 0x7ff4000000000001))))";
    assert_eq!(Plan { fields, configure, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn an_image_keeps_vectors() {
    let fields = "(global $g (mut v128) (v128.const i32x4 16 0 0 0))";
    let configure = "(global.set $g (v128.const i32x4 32 1 2 3))";
    let check = "(i32x4.extract_lane 0 (global.get $g))";
    assert_eq!(Plan { fields, configure, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn each_instance_of_a_module_has_its_own_state_in_an_image() {
    let plan = Plan { configure: "(call $set-first (i32.const 32))", check: "(call $get-first)", ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
    let twice = Plan {
        items: "(core instance $second (instantiate $state))",
        with: "(with \"second\" (instance $second))",
        fields: "(import \"second\" \"set\" (func $set-second (param i32)))
                 (import \"second\" \"get\" (func $get-second (result i32)))",
        ..PLAN
    };
    let first = Plan { configure: "(call $set-first (i32.const 32))", check: "(call $get-first)", ..twice };
    assert_eq!(first.outcome(), Outcome::Denied);
    let second = Plan { configure: "(call $set-second (i32.const 32))", check: "(call $get-second)", ..twice };
    assert_eq!(second.outcome(), Outcome::Denied);
    let other = Plan { configure: "(call $set-second (i32.const 32))", check: "(call $get-first)", ..twice };
    assert_eq!(other.outcome(), Outcome::Allow);
}

#[test]
fn a_library_whose_address_is_an_import_has_an_image_too() {
    let items = "
        (core module $places (global (export \"base\") i32 (i32.const 20)))
        (core instance $places (instantiate $places))
        (core module $library
            (import \"places\" \"base\" (global $base i32))
            (global $place i32 (i32.add (global.get $base) (i32.const 12)))
            (func (export \"place\") (result i32) (global.get $place)))
        (core instance $library (instantiate $library (with \"places\" (instance $places))))";
    let plan = Plan {
        items,
        with: "(with \"library\" (instance $library))",
        fields: "(import \"library\" \"place\" (func $place (result i32))) (global $g (mut i32) (i32.const 16))",
        configure: "(global.set $g (call $place))",
        check: "(select (global.get $g) (i32.const 16) (i32.eq (call $place) (i32.const 32)))",
    };
    assert_eq!(plan.outcome(), Outcome::Denied);
    assert_eq!(plan.guest(ImagePolicy::Eager).check().start_mode(), StartMode::Image);
}

#[test]
fn an_image_has_what_a_library_wrote_into_the_memory_of_another() {
    let items = "
        (core module $heap (memory (export \"memory\") 1))
        (core instance $heap (instantiate $heap))
        (core module $library
            (import \"memory\" \"memory\" (memory 1))
            (data (i32.const 8) \"\\10\")
            (func (export \"set\") (param i32) (i32.store (i32.const 8) (local.get 0)))
            (func (export \"get\") (result i32) (i32.load (i32.const 8))))
        (core instance $library (instantiate $library (with \"memory\" (instance $heap))))";
    let plan = Plan {
        items,
        with: "(with \"library\" (instance $library))",
        fields: "(import \"library\" \"set\" (func $set (param i32))) (import \"library\" \"get\" (func $get (result i32)))",
        configure: "(call $set (i32.const 32))",
        check: "(call $get)",
    };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

#[test]
fn handles_that_configure_has_made_still_exist() {
    // The first handle is 1.
    let check = "(select (i32.const 16) (i32.const 32) (i32.eq (call $new (i32.const 0)) (i32.const 1)))";
    let plan = Plan { configure: "(drop (call $new (i32.const 0)))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

const READ_CLAIM: &str = "(call $claim (i32.const 3000) (i32.const 10) (i32.const 3100))";
const DENY_IF_READ: &str = "(select (i32.const 32) (i32.const 16) (i32.load8_u (i32.const 3100)))";

#[test]
fn configure_reads_the_same_request_with_an_image_and_without() {
    let fields = "(data (i32.const 3000) \"/suspended\")";
    let plan = Plan { fields, configure: READ_CLAIM, check: DENY_IF_READ, ..PLAN };
    plan.outcome();
}

#[test]
fn a_start_function_reads_the_same_request_with_an_image_and_without() {
    let fields = "(data (i32.const 3000) \"/suspended\")
                  (func $start (call $claim (i32.const 3000) (i32.const 10) (i32.const 3100))) (start $start)";
    Plan { fields, check: DENY_IF_READ, ..PLAN }.outcome();
}

#[test]
fn the_image_of_a_check_does_not_use_up_the_memory_of_another_check() {
    // `configure` takes four megabytes if it can get them. The second check has a lower cap than the first.
    let configure = "(drop (memory.grow (i32.const 64)))";
    let plan = Plan { configure, check: "(i32.const 16)", ..PLAN };
    let rich = plan.guest(ImagePolicy::Eager).limits(|limits| limits.memory_bytes = 8 << 20);
    let poor = |policy| plan.guest(policy).limits(|limits| limits.memory_bytes = 2 << 20);
    assert_eq!(poor(ImagePolicy::Never).outcome(&suspended()), Outcome::Allow);
    let rich = rich.check();
    assert_eq!(run_auth_checks_blocking(&[&rich], &suspended()), Decision::Allow);
    assert_eq!(poor(ImagePolicy::Eager).outcome(&suspended()), Outcome::Allow);
    assert_eq!(run_auth_checks_blocking(&[&rich], &suspended()), Decision::Allow);
}

#[test]
fn every_instance_of_an_image_starts_at_the_same_count() {
    let fields = "(global $calls (mut i32) (i32.const 0))";
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let check = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                 (select (i32.const 16) (i32.const 32) (i32.eq (global.get $calls) (i32.const 2)))";
    let check = Plan { fields, configure: count, check, ..PLAN }.guest(ImagePolicy::Eager).check();
    assert_eq!(check.start_mode(), StartMode::Image);
    for _ in 0..1_000 {
        assert_eq!(run_auth_checks_blocking(&[&check], &suspended()), Decision::Allow);
    }
}
