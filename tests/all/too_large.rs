//! Plugins that are rejected for their size before their code is compiled: the error names the right limit of the host.

use std::fmt::Write as _;

use std::time::Duration;

use guardhouse::{Host, HostError, HostLimits, LoadError, Plugin};

use crate::harness::{Guest, host, host_with, small};

fn with_fields(fields: &str) -> Guest {
    Guest::with("allow", &[("fields", fields)])
}

fn with_items(items: &str) -> Guest {
    Guest::with("allow", &[("items", items)])
}

/// Asserts that a plugin does not load for this limit.
fn is_over(guest: &Guest, limit: &str) {
    let error = guest.load().unwrap_err();
    let LoadError::TooLarge { limit: named, found, cap, .. } = error else { panic!("{error}") };
    assert_eq!(named, limit);
    assert!(found > cap);
}

#[test]
fn a_plugin_of_a_hundred_thousand_functions_is_rejected() {
    is_over(&with_fields(&"(func)".repeat(100_000)), "functions");
}

#[test]
fn functions_up_to_the_cap_are_accepted_and_one_more_is_not() {
    // The fixture has three functions, the allocator, `denied` and `check`, and one that is lifted.
    let limits = HostLimits { functions: 104, ..small() };
    assert!(with_fields(&"(func)".repeat(100)).on_own_host(limits.clone()).load().is_ok());
    is_over(&with_fields(&"(func)".repeat(101)).on_own_host(limits), "functions");
}

#[test]
fn too_many_types_are_rejected() {
    let mut core = String::new();
    for n in 0..70_000 {
        // The types differ because equal types would be written only once.
        let parameters: String = (0..17).map(|bit| if n >> bit & 1 == 1 { " i64" } else { " i32" }).collect();
        let _ = write!(core, "(type (func (param{parameters})))");
    }
    is_over(&with_fields(&core), "types");
    is_over(&with_items(&"(type (list u8))".repeat(70_000)), "types");
    is_over(&with_items(&"(core type (func))".repeat(70_000)), "types");
}

#[test]
fn too_many_imports_are_rejected() {
    let mut imports = String::new();
    for n in 0..5_000 {
        let _ = write!(imports, "(import \"f{n}\" (func))");
    }
    is_over(&with_items(&imports), "imports");
    is_over(&with_fields(&"(import \"m\" \"f\" (func))".repeat(5_000)), "imports");
}

#[test]
fn too_many_modules_are_rejected() {
    is_over(&with_items(&"(core module)".repeat(300)), "modules");
    is_over(&with_items(&"(component)".repeat(300)), "modules");
}

#[test]
fn components_nested_too_deeply_are_rejected() {
    let nested = |depth: usize| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    assert!(with_items(&nested(8)).load().is_ok());
    is_over(&with_items(&nested(9)), "nesting");
    is_over(&with_items(&nested(50)), "nesting");
}

#[test]
fn a_file_of_exactly_the_cap_is_accepted_and_one_byte_more_is_not() {
    let guest = Guest::new("allow");
    let size = guest.bytes().len();
    let load = |cap: usize| {
        let host = host_with(HostLimits { plugin_bytes: cap, ..small() });
        Plugin::load(&host, guest.bytes()).map(|plugin| plugin.size())
    };
    assert_eq!(load(size), Ok(size));
    assert!(matches!(load(size - 1), Err(LoadError::TooLarge { limit: "plugin_bytes", .. })));
}

#[test]
fn limits_that_no_machine_can_satisfy_are_an_error_and_not_a_panic() {
    let extremes = [
        HostLimits { instances: u32::MAX, ..small() },
        HostLimits { memory_bytes: usize::MAX, ..small() },
        HostLimits { memory_bytes: 0, ..small() },
        HostLimits { table_elements: usize::MAX, ..small() },
        HostLimits { table_elements: 0, ..small() },
        HostLimits { stack_bytes: usize::MAX, ..small() },
        HostLimits { stack_bytes: 0, ..small() },
        HostLimits { queue: usize::MAX, ..small() },
        HostLimits { turns: Some(u32::MAX), queue_time: Some(Duration::MAX), ..small() },
    ];
    for limits in extremes {
        let shown = format!("{limits:?}");
        let built = std::panic::catch_unwind(|| Host::builder().limits(limits).build());
        match built.unwrap_or_else(|_| panic!("panicked: {shown}")) {
            Ok(host) => {
                // The host may be useless, but it must not panic.
                let loaded = Plugin::load(&host, Guest::new("allow").bytes());
                println!("{shown}: {}", loaded.map_or_else(|error| error.to_string(), |_| "loads".to_owned()));
            }
            Err(HostError::Engine(reason)) => println!("{shown}: {reason}"),
            Err(error) => panic!("{error}"),
        }
    }
    let _ = host();
}

#[test]
fn limits_of_which_a_host_needs_at_least_one_are_named_if_they_are_zero() {
    for (name, limits) in [
        ("instances", HostLimits { instances: 0, ..small() }),
        ("large_instances", HostLimits { large_instances: 0, ..small() }),
        ("turns", HostLimits { turns: Some(0), ..small() }),
        ("compilers", HostLimits { compilers: 0, ..small() }),
        ("standby_checks", HostLimits { standby_checks: 0, ..small() }),
        ("resident_plugins", HostLimits { resident_plugins: 0, ..small() }),
        ("resident_images", HostLimits { resident_images: 0, ..small() }),
    ] {
        let error = Host::builder().limits(limits).build().unwrap_err().to_string();
        assert_eq!(error, format!("`HostLimits::{name}` is 0, but must be at least 1"));
    }
}

#[test]
fn a_tick_outside_its_range_is_an_error() {
    for tick in [Duration::ZERO, Duration::from_micros(99), Duration::from_millis(101), Duration::MAX] {
        let error = Host::builder().limits(small()).tick(tick).build().unwrap_err();
        let HostError::Limit { limit, found, .. } = &error else { panic!("{error}") };
        assert_eq!((*limit, found), ("HostBuilder::tick", &format!("{tick:?}")));
    }
    for tick in [Duration::from_micros(100), Duration::from_millis(100)] {
        assert!(Host::builder().limits(small()).tick(tick).build().is_ok());
    }
}

#[test]
fn a_function_with_too_much_code_is_rejected() {
    let code = format!("(func {})", "(drop (i32.const 1))".repeat(1_000));
    let on = |function_bytes| with_fields(&code).on_own_host(HostLimits { function_bytes, ..small() });
    assert!(on(4_000).load().is_ok());
    is_over(&on(2_000), "function_bytes");
}

#[test]
fn blocks_that_are_nested_too_deeply_or_carry_too_many_values_are_rejected() {
    // The work of a compiler grows with the square of the depth, and with the number of targets of a jump table times
    // the number of values that each target gets.
    let nested = |depth: usize| format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth));
    assert!(with_fields(&nested(1_000)).load().is_ok());
    is_over(&with_fields(&nested(10_000)), "block_nesting");
    let results = |count: usize| format!("(type (func (result{})))", " i32".repeat(count));
    assert!(with_fields(&results(64)).load().is_ok());
    is_over(&with_fields(&results(65)), "block_values");
    is_over(&with_fields(&format!("(type (func (param{})))", " i64".repeat(65))), "block_values");
}
