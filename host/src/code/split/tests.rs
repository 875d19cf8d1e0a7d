//! Cases of splitting whole components.

use super::*;

const STATE_AND_CODE: &str = r#"(core module $m (memory (export "memory") 1) (data (i32.const 0) "a")
    (table 2 funcref) (func (export "f")))"#;

fn split_of(parts: &str) -> Result<Split, Reason> {
    split(
        &wat::parse_str(format!("(component {parts})")).unwrap(),
        SplitOf::Image { resident_bytes: 0, copied_bytes: 1 << 20 },
    )
}

#[test]
fn a_module_that_is_instantiated_once_is_split() {
    let split = split_of(&format!("{STATE_AND_CODE} (core instance (instantiate $m))")).unwrap();
    assert_eq!(split.states.len(), 1);
    assert_eq!(split.needs, Needs { memories: 1, tables: 1 });
    wasmparser::Validator::new().validate_all(&split.code).unwrap();
}

#[test]
fn a_memory_that_another_module_imports_is_as_large_as_that_asks_for() {
    for (pages, others) in [(3, 0), (3, 2), (3, 3), (9, 3)] {
        let split = split_of(&format!(
            r#"(core module $m (memory (export "memory") {pages}) (data (i32.const 0) "a"))
            (core instance $m (instantiate $m))
            (core module $n (import "m" "memory" (memory {others})))
            (core instance (instantiate $n (with "m" (instance $m))))"#
        ));
        wasmparser::Validator::new().validate_all(&split.unwrap().code).unwrap();
    }
}

#[test]
fn a_module_without_state_may_be_instantiated_twice() {
    let split = split_of(&format!(
        "{STATE_AND_CODE} (core module $n (table 1 funcref)) (core instance (instantiate $n))
         (core instance (instantiate $m)) (core instance (instantiate $n))"
    ));
    assert_eq!(split.unwrap().needs, Needs { memories: 1, tables: 3 });
}

#[test]
fn components_whose_instances_are_not_their_own_modules_once_are_not_split() {
    for (rest, reason) in [
        ("(core instance (instantiate $m)) (core instance (instantiate $m))", "more than once"),
        ("", "not instantiated"),
        (
            "(component $c (core type $t (module)) (import \"n\" (core module (type $t)))) (instance (instantiate $c (with \"n\" (core module $m))))",
            "passes a module",
        ),
        ("(instance (export \"n\" (core module $m)))", "passes a module"),
        ("(export \"n\" (core module $m))", "exports a module"),
        ("(component (core module) (core instance (instantiate 0)))", "a nested component has modules"),
        ("(component (core instance (instantiate $m)))", "a nested component takes a module"),
        (
            "(component $c (core module (export \"n\"))) (instance $i (instantiate $c)) (alias export $i \"n\" (core module))",
            "has modules",
        ),
        ("(core type (func))", "core types"),
    ] {
        let error = split_of(&format!("{STATE_AND_CODE} {rest}")).err().unwrap_or_else(|| panic!("{rest} was split"));
        assert!(error.to_string().contains(reason), "{rest}: {error}");
    }
}

#[test]
fn a_component_that_is_invalid_outside_its_functions_is_not_split() {
    for module in [
        "(memory 2 1)",
        "(memory 1) (data (memory 3) (i32.const 0) \"a\")",
        "(memory 1) (export \"m\" (memory 4))",
        "(memory 1) (global i32 (i64.const 1))",
    ] {
        assert!(split_of(&format!("(core module $m {module}) (core instance (instantiate $m))")).is_err(), "{module}");
    }
}

#[test]
fn names_and_origins_do_not_make_the_code_of_plugins_differ() {
    let named = |name: &str| {
        let section = format!("(@custom \"origin\" \"{name}\")");
        split_of(&format!("{section} {STATE_AND_CODE} (core instance (instantiate $m))")).unwrap().code
    };
    assert_eq!(named("one"), named("another"));
}
