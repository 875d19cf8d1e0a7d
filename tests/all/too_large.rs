//! Plugins that are too large before any of their code is compiled: each limit of the host by its own name.

use std::fmt::Write as _;

use guardhouse::{Host, HostError, HostLimits, LoadError, Plugin};
use guardhouse_tests::guest;

use crate::harness::{Guest, fixture, host, host_with, small};

/// `allow.wat` with more in its core module.
fn with_code(name: &str, code: &str) -> Guest {
    Guest::from_text(name, &fixture("allow").replace("(core module $plugin", &format!("(core module $plugin {code}")))
}

/// `allow.wat` with more in the component.
fn with_items(name: &str, items: &str) -> Guest {
    Guest::from_text(name, &fixture("allow").replace("(core module $plugin", &format!("{items} (core module $plugin")))
}

fn is_over(guest: &Guest, limit: &str) {
    let error = guest.load().unwrap_err();
    let LoadError::TooLarge { limit: named, found, cap, .. } = error else { panic!("{error}") };
    assert_eq!(named, limit);
    assert!(found > cap);
}

#[test]
fn a_plugin_of_a_hundred_thousand_functions_is_refused() {
    is_over(&with_code("100,000 functions", &"(func)".repeat(100_000)), "functions");
}

#[test]
fn functions_up_to_the_cap_are_accepted_and_one_more_is_not() {
    // `allow` has three of its own: the allocator, `denied` and `check`; and one that is lifted.
    let limits = HostLimits { functions: 104, ..small() };
    assert!(with_code("100 functions", &"(func)".repeat(100)).on(limits.clone()).load().is_ok());
    is_over(&with_code("101 functions", &"(func)".repeat(101)).on(limits), "functions");
}

#[test]
fn too_many_types_are_refused() {
    let mut core = String::new();
    for n in 0..70_000 {
        // Equal types would be written once only.
        let parameters: String = (0..17).map(|bit| if n >> bit & 1 == 1 { " i64" } else { " i32" }).collect();
        let _ = write!(core, "(type (func (param{parameters})))");
    }
    is_over(&with_code("core types", &core), "types");
    is_over(&with_items("component types", &"(type (list u8))".repeat(70_000)), "types");
    is_over(&with_items("core types outside", &"(core type (func))".repeat(70_000)), "types");
}

#[test]
fn too_many_imports_are_refused() {
    let mut imports = String::new();
    for n in 0..5_000 {
        let _ = write!(imports, "(import \"f{n}\" (func))");
    }
    is_over(&with_items("component imports", &imports), "imports");
    is_over(&with_code("core imports", &"(import \"m\" \"f\" (func))".repeat(5_000)), "imports");
}

#[test]
fn too_many_modules_are_refused() {
    is_over(&with_items("modules", &"(core module)".repeat(300)), "modules");
    is_over(&with_items("components", &"(component)".repeat(300)), "modules");
}

#[test]
fn components_nested_too_deep_are_refused() {
    let nested = |depth: usize| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    assert!(with_items("8 levels", &nested(8)).load().is_ok());
    is_over(&with_items("9 levels", &nested(9)), "nesting");
    is_over(&with_items("50 levels", &nested(50)), "nesting");
}

#[test]
fn a_file_of_exactly_the_cap_is_accepted_and_one_byte_more_is_not() {
    let bytes = guest::assemble(&fixture("allow")).unwrap();
    let load = |cap: usize| {
        Plugin::load(&host_with(HostLimits { plugin_bytes: cap, ..small() }), &bytes).map(|plugin| plugin.size())
    };
    assert_eq!(load(bytes.len()), Ok(bytes.len()));
    assert!(matches!(load(bytes.len() - 1), Err(LoadError::TooLarge { limit: "plugin_bytes", .. })));
}

#[test]
fn limits_that_no_machine_can_hold_are_an_error_and_no_panic() {
    let extremes = [
        HostLimits { instances: u32::MAX, ..small() },
        HostLimits { instances: 0, ..small() },
        HostLimits { memory_bytes: usize::MAX, ..small() },
        HostLimits { memory_bytes: 0, ..small() },
        HostLimits { table_elements: usize::MAX, ..small() },
        HostLimits { table_elements: 0, ..small() },
        HostLimits { stack_bytes: usize::MAX, ..small() },
        HostLimits { stack_bytes: 0, ..small() },
        HostLimits { queue: usize::MAX, ..small() },
    ];
    for limits in extremes {
        let shown = format!("{limits:?}");
        let built = std::panic::catch_unwind(|| Host::builder().limits(limits).build());
        match built.unwrap_or_else(|_| panic!("it panics: {shown}")) {
            Ok(host) => {
                // It may be of little use, but it must not panic.
                let loaded = Plugin::load(&host, &guest::assemble(&fixture("allow")).unwrap());
                println!("{shown}: {}", loaded.map_or_else(|error| error.to_string(), |_| "loads".to_owned()));
            }
            Err(HostError::Engine(reason)) => println!("{shown}: {reason}"),
            Err(error) => panic!("{error}"),
        }
    }
    let _ = host();
}

#[test]
fn a_function_of_too_much_code_is_refused() {
    let code = format!("(func {})", "(drop (i32.const 1))".repeat(1_000));
    let guest = with_code("a long function", &code);
    assert!(guest.clone().on(HostLimits { function_bytes: 4_000, ..small() }).load().is_ok());
    is_over(&guest.on(HostLimits { function_bytes: 2_000, ..small() }), "function_bytes");
}

#[test]
fn blocks_nested_too_deep_or_that_carry_too_much_are_refused() {
    // What a compiler takes grows with the square of the depth, and with the targets of a jump table times what it
    // carries to each.
    let nested = |depth: usize| format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth));
    assert!(with_code("nested blocks", &nested(1_000)).load().is_ok());
    is_over(&with_code("nested blocks", &nested(10_000)), "block_nesting");
    let results = |count: usize| format!("(type (func (result{})))", " i32".repeat(count));
    assert!(with_code("results", &results(64)).load().is_ok());
    is_over(&with_code("results", &results(65)), "block_values");
    is_over(&with_code("parameters", &format!("(type (func (param{})))", " i64".repeat(65))), "block_values");
}
