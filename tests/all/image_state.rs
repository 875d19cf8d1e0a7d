//! Images and every kind of state that a plugin has: an instance that starts from one answers as one that configures
//! itself (rule S7), whatever `configure` does.

use guardhouse::{AuthContext, Cause, Decision, ImagePolicy, Outcome, StartMode, blocking};
use serde_json::json;

use crate::harness::{Guest, somebody};

struct Plan {
    items: &'static str,
    with: &'static str,
    fields: &'static str,
    configure: &'static str,
    check: &'static str,
}

const PLAN: Plan = Plan { items: "", with: "", fields: "", configure: "", check: "" };

impl Plan {
    fn guest(&self, policy: ImagePolicy) -> Guest {
        let Self { items, with, fields, configure, check } = self;
        let blanks =
            [("items", *items), ("with", *with), ("fields", *fields), ("configure", *configure), ("check", *check)];
        let mut guest = Guest::with("configured", &blanks);
        guest.config.image = policy;
        guest
    }

    /// The outcome without an image; with one, or where there can be none, it must be the same.
    fn outcome(&self) -> Outcome {
        let context = claiming();
        let expected = self.guest(ImagePolicy::Never).outcome(&context);
        let guest = self.guest(ImagePolicy::Eager);
        println!("{}: {expected:?}; {:?}", self.configure, guest.check().start_mode());
        assert_eq!(kind(&guest.outcome(&context)), kind(&expected), "with and without an image");
        expected
    }
}

fn kind(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(fault) => format!("masked: {}", fault.cause),
        other => format!("{other:?}"),
    }
}

fn claiming() -> AuthContext {
    let mut context = somebody(&[]);
    context.token.as_mut().unwrap().claims = json!({ "suspended": true }).into();
    context
}

#[test]
fn globals_and_memory_are_as_configure_left_them() {
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
fn memory_that_configure_has_grown_is_there() {
    let check = "(select (i32.const 32) (i32.const 16) (i32.eq (memory.size) (i32.const 5)))";
    let plan = Plan { configure: "(drop (memory.grow (i32.const 3)))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

#[test]
fn a_table_that_configure_has_changed_stays_changed() {
    let fields = "(table $t 1 10 funcref) (elem (table $t) (i32.const 0) func $allow) (elem declare func $refuse)";
    let check = "(call_indirect $t (type $answer) (i32.const 0))";
    let plan = Plan { fields, configure: "(table.set $t (i32.const 0) (ref.func $refuse))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
    let check = "(select (i32.const 16) (i32.const 32) (i32.eq (table.size $t) (i32.const 1)))";
    let grow = "(drop (table.grow $t (ref.func $refuse) (i32.const 1)))";
    assert_eq!(Plan { fields, configure: grow, check, ..PLAN }.outcome(), Outcome::Denied);
    let fill = "(table.fill $t (i32.const 0) (ref.func $refuse) (i32.const 1))";
    let check = "(call_indirect $t (type $answer) (i32.const 0))";
    assert_eq!(Plan { fields, configure: fill, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn a_reference_in_a_global_stays_what_configure_made_it() {
    let fields = "(table $t 1 funcref) (global $g (mut funcref) (ref.func $allow)) (elem declare func $allow $refuse)";
    let check = "(table.set $t (i32.const 0) (global.get $g)) (call_indirect $t (type $answer) (i32.const 0))";
    let plan = Plan { fields, configure: "(global.set $g (ref.func $refuse))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

#[test]
fn segments_that_configure_has_dropped_stay_dropped() {
    let check = "(memory.init $d (i32.const 2000) (i32.const 0) (i32.const 1)) (i32.const 16)";
    let plan = Plan { fields: "(data $d \"x\")", configure: "(data.drop $d)", check, ..PLAN };
    assert!(matches!(plan.outcome(), Outcome::Failed(fault) if fault.cause == Cause::Trap));
    let fields = "(table $t 1 funcref) (elem $e func $allow)";
    let check = "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 16)";
    let plan = Plan { fields, configure: "(elem.drop $e)", check, ..PLAN };
    assert!(matches!(plan.outcome(), Outcome::Failed(fault) if fault.cause == Cause::Trap));
}

#[test]
fn bits_of_numbers_that_are_none_are_kept() {
    let fields = "(global $g (mut f32) (f32.const 0)) (global $h (mut f64) (f64.const 0))";
    let configure = "(global.set $g (f32.reinterpret_i32 (i32.const 0x7fa00001)))
                     (global.set $h (f64.reinterpret_i64 (i64.const 0x7ff4000000000001)))";
    let check = "(select (i32.const 32) (i32.const 16) (i32.and
        (i32.eq (i32.reinterpret_f32 (global.get $g)) (i32.const 0x7fa00001))
        (i64.eq (i64.reinterpret_f64 (global.get $h)) (i64.const 0x7ff4000000000001))))";
    assert_eq!(Plan { fields, configure, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn vectors_are_kept() {
    let fields = "(global $g (mut v128) (v128.const i32x4 16 0 0 0))";
    let configure = "(global.set $g (v128.const i32x4 32 1 2 3))";
    let check = "(i32x4.extract_lane 0 (global.get $g))";
    assert_eq!(Plan { fields, configure, check, ..PLAN }.outcome(), Outcome::Denied);
}

#[test]
fn each_instance_of_a_module_keeps_its_own_state() {
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
fn a_library_that_is_placed_when_it_is_linked_has_an_image_too() {
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
fn what_a_library_writes_into_the_memory_of_another_is_not_lost() {
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
fn handles_that_configure_has_made_are_still_there() {
    // The first handle is 1.
    let check = "(select (i32.const 16) (i32.const 32) (i32.eq (call $new (i32.const 0)) (i32.const 1)))";
    let plan = Plan { configure: "(drop (call $new (i32.const 0)))", check, ..PLAN };
    assert_eq!(plan.outcome(), Outcome::Denied);
}

const READ_CLAIM: &str = "(call $claim (i32.const 3000) (i32.const 10) (i32.const 3100))";
const REFUSE_IF_READ: &str = "(select (i32.const 32) (i32.const 16) (i32.load8_u (i32.const 3100)))";

#[test]
fn a_request_that_configure_reads_is_not_another_one_later() {
    // Whether `configure` may read the request or not: it is the same with an image and without.
    let fields = "(data (i32.const 3000) \"/suspended\")";
    let plan = Plan { fields, configure: READ_CLAIM, check: REFUSE_IF_READ, ..PLAN };
    plan.outcome();
}

#[test]
fn a_request_that_a_start_function_reads_is_not_another_one_later() {
    let fields = "(data (i32.const 3000) \"/suspended\")
                  (func $start (call $claim (i32.const 3000) (i32.const 10) (i32.const 3100))) (start $start)";
    Plan { fields, check: REFUSE_IF_READ, ..PLAN }.outcome();
}

#[test]
fn one_checks_image_does_not_cost_another_its_memory() {
    // `configure` takes four megabytes if it can have them; the second check has a lower cap than the first.
    let configure = "(drop (memory.grow (i32.const 64)))";
    let plan = Plan { configure, check: "(i32.const 16)", ..PLAN };
    let rich = plan.guest(ImagePolicy::Eager).limits(|limits| limits.memory_bytes = 8 << 20);
    let poor = |policy| plan.guest(policy).limits(|limits| limits.memory_bytes = 2 << 20);
    assert_eq!(poor(ImagePolicy::Never).outcome(&claiming()), Outcome::Allow);
    let rich = rich.check();
    assert_eq!(blocking::run_auth_checks(&[&rich], &claiming()), Decision::Allow);
    assert_eq!(poor(ImagePolicy::Eager).outcome(&claiming()), Outcome::Allow);
    assert_eq!(blocking::run_auth_checks(&[&rich], &claiming()), Decision::Allow);
}

#[test]
fn a_plugin_with_an_image_that_counts_is_always_at_the_same_count() {
    let fields = "(global $calls (mut i32) (i32.const 0))";
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let check = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                 (select (i32.const 16) (i32.const 32) (i32.eq (global.get $calls) (i32.const 2)))";
    let check = Plan { fields, configure: count, check, ..PLAN }.guest(ImagePolicy::Eager).check();
    assert_eq!(check.start_mode(), StartMode::Image);
    for _ in 0..1_000 {
        assert_eq!(blocking::run_auth_checks(&[&check], &claiming()), Decision::Allow);
    }
}
