//! The globals and the memories of an image: those that stay in its code, those of its state, and each of their bytes.

use guardhouse::{ImagePolicy, Outcome, StartMode};

use crate::image_state::{PLAN, Plan};

#[test]
fn an_image_has_the_globals_that_stay_in_its_code() {
    let set = "(global.set $g (i32.const 32))";
    let is_null = "(i32.add (global.get $g) (ref.is_null (global.get $c)))";
    let sum = "(i32.add (global.get $g) (global.get $c))";
    for (fields, configure, check, has_image) in [
        ("(global $g (mut i32) (i32.const 16)) (global $c i32 (i32.const 0))", set, sum, true),
        ("(global $c i32 (i32.const 0)) (global $g (mut i32) (i32.const 16))", set, sum, true),
        (
            "(global $g (mut i32) (i32.const 16)) (global $a i32 (i32.const 7)) (global $c i32 (i32.sub (global.get $a) (i32.const 7)))",
            set,
            sum,
            true,
        ),
        // The second is behind the last mutable one, and the first is not: an import of the code.
        (
            "(global $a i32 (i32.const 7)) (global $g (mut i32) (i32.const 16)) (global $c i32 (i32.sub (global.get $a) (i32.const 7)))",
            set,
            sum,
            true,
        ),
        ("(global $c i32 (i32.sub (i32.const 7) (i32.const 7))) (global $g (mut i32) (i32.const 16))", set, sum, false),
        (
            "(global $g (mut i32) (i32.const 16)) (global $v v128 (v128.const i32x4 1 2 0 3))",
            set,
            "(i32.add (global.get $g) (i32x4.extract_lane 2 (global.get $v)))",
            true,
        ),
        (
            "(global $v v128 (v128.const i32x4 1 2 0 3)) (global $g (mut i32) (i32.const 16))",
            set,
            "(i32.add (global.get $g) (i32x4.extract_lane 2 (global.get $v)))",
            true,
        ),
        // References of functions: nothing can call these without changing a table, which no image has.
        ("(global $g (mut i32) (i32.const 16)) (global $c funcref (ref.func $deny))", set, is_null, true),
        ("(global $c funcref (ref.func $deny)) (global $g (mut i32) (i32.const 16))", set, is_null, false),
        ("(global $g (mut i32) (i32.const 16)) (global $c (mut funcref) (ref.func $deny))", set, is_null, false),
        // Exported globals.
        (
            "(global $g (export \"g\") (mut i32) (i32.const 16)) (global $c (export \"c\") i32 (i32.const 0))",
            set,
            sum,
            true,
        ),
    ] {
        let plan = Plan { fields, configure, check, ..PLAN };
        assert_eq!(plan.outcome(), Outcome::Denied, "{fields}");
        let mode = plan.guest(ImagePolicy::Eager).check().start_mode();
        assert_eq!(mode == StartMode::Image, has_image, "{fields} {mode}");
    }
}

#[test]
fn modules_of_an_image_share_a_global() {
    let items = "
        (core module $owner (global (export \"g\") (mut i32) (i32.const 16)) (global (export \"c\") i32 (i32.const 7)))
        (core instance $owner (instantiate $owner))
        (core module $user
            (import \"owner\" \"g\" (global $g (mut i32)))
            (import \"owner\" \"c\" (global $c i32))
            (global $own (mut i32) (i32.const 0))
            (global $zero i32 (i32.sub (global.get $c) (i32.const 7)))
            (func (export \"get\") (result i32) (i32.add (global.get $g) (global.get $zero))))
        (core instance $user (instantiate $user (with \"owner\" (instance $owner))))";
    let plan = Plan {
        items,
        with: "(with \"owner\" (instance $owner)) (with \"user\" (instance $user))",
        fields: "(import \"owner\" \"g\" (global $g (mut i32))) (import \"user\" \"get\" (func $get (result i32)))",
        configure: "(global.set $g (i32.const 32))",
        check: "(call $get)",
    };
    assert_eq!(plan.outcome(), Outcome::Denied);
    assert_eq!(plan.guest(ImagePolicy::Eager).check().start_mode(), StartMode::Image);
}

#[test]
fn an_image_has_each_byte_of_its_memories() {
    let last = "(i32.sub (i32.shl (memory.size $own) (i32.const 16)) (i32.const 4))";
    let at_last = format!("(i32.load $own {last})");
    for (fields, configure, check, has_image) in [
        // Segments that overlap, without order.
        (
            "(memory $own 1) (data (memory $own) (i32.const 2000) \"\\10abc\") (data (memory $own) (i32.const 1998) \"xxy\")",
            "(i32.store8 $own (i32.const 2000) (i32.const 32))",
            "(i32.load8_u $own (i32.const 2000))",
            true,
        ),
        // The first byte and the last one.
        ("(memory $own 1)", "(i32.store8 $own (i32.const 0) (i32.const 32))", "(i32.load $own (i32.const 0))", true),
        ("(memory $own 1)", &format!("(i32.store $own {last} (i32.const 32))"), &at_last, true),
        // No image: the functions that read memories for one grow a memory that has its maximum.
        (
            "(memory $own 1 4)",
            &format!("(drop (memory.grow $own (i32.const 3))) (i32.store $own {last} (i32.const 32))"),
            &at_last,
            false,
        ),
        (
            "(memory $own 0)",
            &format!("(drop (memory.grow $own (i32.const 1))) (i32.store $own {last} (i32.const 32))"),
            &at_last,
            true,
        ),
        ("(memory $own 0)", "", "(select (i32.const 32) (i32.const 16) (i32.eqz (memory.size $own)))", true),
        (
            "(memory $own 0 0)",
            "",
            "(select (i32.const 32) (i32.const 16) (i32.eq (memory.grow $own (i32.const 1)) (i32.const -1)))",
            false,
        ),
        // Memory of zeros only, which has no data.
        (
            "(memory $own 1) (data (memory $own) (i32.const 8) \"abcd\")",
            "(i32.store $own (i32.const 8) (i32.const 0))",
            "(i32.add (i32.const 32) (i32.load $own (i32.const 8)))",
            true,
        ),
        // More data than is copied in one memory, and little in another: of a large plugin, and of a small one that grows.
        (
            "(memory $own 80) (memory $more 1)",
            "(memory.fill $own (i32.const 1) (i32.const 32) (i32.const 5200000)) (i32.store8 $more (i32.const 5) (i32.const 32))",
            "(i32.and (i32.load8_u $own (i32.const 5200000)) (i32.load8_u $more (i32.const 5)))",
            true,
        ),
        (
            "(memory $own 1) (memory $more 1)",
            "(drop (memory.grow $own (i32.const 99)))
             (memory.fill $own (i32.const 1) (i32.const 32) (i32.const 6500000)) (i32.store8 $more (i32.const 5) (i32.const 32))",
            "(i32.and (i32.load8_u $own (i32.const 6500000)) (i32.load8_u $more (i32.const 5)))",
            true,
        ),
        // Much data that is copied.
        (
            "(memory $more 1) (memory $own 30)",
            "(memory.fill $own (i32.const 1) (i32.const 32) (i32.const 1900000)) (i32.store8 $more (i32.const 65535) (i32.const 32))",
            "(i32.and (i32.load8_u $own (i32.const 1900000)) (i32.load8_u $more (i32.const 65535)))",
            true,
        ),
        // A segment that is dropped once the instance is made is empty in an image.
        (
            "(data $d (i32.const 2000) \"x\")",
            "",
            "(memory.init $d (i32.const 2000) (i32.const 0) (i32.const 0)) (i32.const 32)",
            true,
        ),
    ] {
        let plan = Plan { fields, configure, check, ..PLAN };
        assert_eq!(plan.outcome(), Outcome::Denied, "{fields}");
        let mode = plan.guest(ImagePolicy::Eager).check().start_mode();
        assert_eq!(mode == StartMode::Image, has_image, "{fields} {mode}");
    }
}
