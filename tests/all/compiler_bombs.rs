//! Small files whose compilation takes long or needs much memory: rejected for a cap, or stopped at one.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use guardhouse::{HostLimits, LoadError, Plugin};

use crate::compiler::{host_of, process};
use crate::harness::{Guest, host_with, neighbor_is_unharmed, small};

fn with(code: &str) -> Guest {
    Guest::with("allow", &[("fields", code)])
}

fn function(locals: usize, body: &str) -> String {
    format!("(func (param i32) (local{}) {body})", " i32".repeat(locals))
}

/// Locals that change in the innermost of nested loops: each loop carries all of them.
pub(crate) fn nested_loops(locals: usize, loops: usize) -> String {
    let mut body = "loop ".repeat(loops);
    for local in 1..=locals {
        let _ = write!(body, "local.get {local} i32.const 1 i32.add local.set {local} ");
    }
    function(locals, &(body + &"local.get 0 br_if 0 end ".repeat(loops)))
}

/// Locals that are live during loops that do not use them.
fn loops_in_a_row(locals: usize, loops: usize) -> String {
    let mut body = format!("loop {}", "loop local.get 0 br_if 0 end ".repeat(loops - 1));
    for local in 1..=locals {
        let _ = write!(body, "local.get {local} i32.const 1 i32.add local.set {local} ");
    }
    function(locals, &(body + "local.get 0 br_if 0 end "))
}

/// Locals one of which may change in each of many branches.
fn branches(locals: usize, branches: usize) -> String {
    let mut body = String::new();
    for branch in 0..branches {
        let (from, to) = (1 + branch % locals, 1 + (7 * branch + 1) % locals);
        let _ = write!(body, "local.get 0 if local.get {from} local.set {to} end ");
    }
    function(locals, &format!("loop {body} local.get 0 br_if 0 end"))
}

fn nested_blocks(depth: usize) -> String {
    function(0, &format!("{}{}", "block ".repeat(depth), "local.get 0 br_if 0 end ".repeat(depth)))
}

/// Jump tables that lead out of a hundred blocks.
fn jump_tables(targets: usize, tables: usize) -> String {
    let targets: String = (0..targets).map(|target| format!("{} ", target % 100)).collect();
    let table = format!("block local.get 0 br_table {targets} end ");
    function(0, &format!("{}{}{}", "block ".repeat(100), table.repeat(tables), "end ".repeat(100)))
}

fn long(instructions: usize) -> String {
    function(0, &"local.get 0 drop ".repeat(instructions))
}

fn constant(instructions: usize) -> String {
    let (values, sums) = ("i32.const 1 ".repeat(instructions), "i32.add ".repeat(instructions - 1));
    format!("(global i32 {values}{sums})")
}

fn elements(count: usize) -> String {
    format!("(func $element) (elem func{})", " $element".repeat(count))
}

fn exports(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = write!(text, "(global (export \"g{number}\") i32 (i32.const 0))");
        text
    })
}

/// The limit for which a plugin is rejected; `None` if it loads.
fn limit_of(guest: &Guest, limits: HostLimits) -> Option<&'static str> {
    let start = Instant::now();
    let error = Plugin::load(&host_with(limits), guest.bytes()).err()?;
    assert!(start.elapsed() < Duration::from_secs(20), "{error} after {:?}", start.elapsed());
    let LoadError::TooLarge { limit, .. } = error else { panic!("{error}") };
    Some(limit)
}

#[test]
fn bombs_over_a_cap_are_rejected_before_they_are_compiled() {
    for (name, code, limit) in [
        ("a long function", long(200_000), "function_bytes"),
        ("blocks in blocks", nested_blocks(2_001), "block_nesting"),
        ("loops in loops", nested_loops(1, 65), "loop_nesting"),
        ("few loops of many locals", nested_loops(10_000, 10), "loop_locals"),
        ("many loops in a row", loops_in_a_row(1_000, 500), "loop_locals"),
        ("many branches of many locals", branches(1_000, 10_000), "block_locals"),
        ("globals", "(global i32 (i32.const 0))".repeat(1_000_000), "items"),
        ("exports", exports(300_000), "items"),
        ("elements", elements(1_000_000), "items"),
        ("a long constant", constant(300_000), "items"),
        ("segments", format!("(memory 1){}", "(data \"x\")".repeat(300_000)), "items"),
        ("functions", "(func)".repeat(70_000), "functions"),
    ] {
        assert_eq!(limit_of(&with(&code), small()), Some(limit), "{name}");
    }
}

#[test]
fn each_cap_on_the_work_of_a_compiler_applies_at_exactly_its_value() {
    // The items of the fixture itself.
    let items =
        (1..).find(|items| limit_of(&Guest::new("allow"), HostLimits { items: *items, ..small() }).is_none()).unwrap();
    type Limits = fn(usize) -> HostLimits;
    let cases: [(&str, String, usize, Limits); 5] = [
        ("loop_nesting", nested_loops(1, 5), 5, |cap| HostLimits { loop_nesting: cap, ..small() }),
        ("loop_locals", nested_loops(10, 5), 500, |cap| HostLimits { loop_locals: cap, ..small() }),
        // Five loops, each with a branch at its end.
        ("block_locals", nested_loops(10, 5), 100, |cap| HostLimits { block_locals: cap, ..small() }),
        ("items", constant(50), items + 100, |cap| HostLimits { items: cap, ..small() }),
        ("items", elements(100), items + 101, |cap| HostLimits { items: cap, ..small() }),
    ];
    for (name, code, cap, limits) in cases {
        let guest = with(&code);
        assert_eq!(limit_of(&guest, limits(cap)), None, "{name}");
        assert_eq!(limit_of(&guest, limits(cap - 1)), Some(name));
    }
}

#[test]
fn a_plugin_that_cannot_be_instantiated_is_rejected_with_and_without_a_compiler_process() {
    let there = host_of(process(), small());
    for (name, code) in [
        ("a million locals", format!("(func (local{}))", " i32".repeat(1_000_000))),
        ("a hundred tables", "(table 1 funcref)".repeat(100)),
        ("a hundred memories", "(memory 0)".repeat(100)),
        ("a huge memory", "(memory 65536)".to_owned()),
        ("a huge table", "(table 4000000000 funcref)".to_owned()),
        ("data at the end of a huge memory", "(memory 65536) (data (i32.const -2) \"x\")".to_owned()),
    ] {
        let guest = with(&code);
        let here = guest.load().unwrap_err();
        assert!(matches!(here, LoadError::DoesNotFit(_) | LoadError::Invalid { .. }), "{name}: {here:?}");
        assert_eq!(guest.on_host(&there).load().unwrap_err(), here, "{name}");
    }
}

#[test]
fn bombs_within_all_caps_are_compiled_or_killed_in_time() {
    let time = Duration::from_secs(2);
    let host = host_of(process(), HostLimits { compiler_time: time, ..small() });
    let mut killed = 0;
    for (name, code) in [
        ("a long function", long(170_000)),
        ("blocks in blocks", nested_blocks(2_000)),
        ("loops in loops", nested_loops(1_500, 64)),
        ("many loops in a row", loops_in_a_row(600, 500)),
        ("many branches", branches(400, 4_900)),
        ("jump tables", jump_tables(500, 500)),
        ("one jump table", jump_tables(65_000, 1)),
        ("functions", "(func)".repeat(65_000)),
        ("globals", "(global i32 (i32.const 0))".repeat(120_000)),
        ("elements", elements(200_000)),
    ] {
        let guest = with(&code);
        let start = Instant::now();
        let loaded = Plugin::load(&host, guest.bytes());
        let elapsed = start.elapsed();
        println!("{name}: {} bytes, {elapsed:?}: {:?}", guest.bytes().len(), loaded.as_ref().err());
        match loaded {
            Ok(_) => {}
            Err(LoadError::CompilerStopped(text)) => {
                killed += 1;
                assert!(text.contains("compiler_time`"), "{name}: {text}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
        // The rest of the time is spent on validation, in this process, which is not optimized.
        assert!(elapsed < time + Duration::from_secs(60), "{name}: {elapsed:?}");
    }
    assert!(killed > 0, "no plugin was a bomb");
    neighbor_is_unharmed(&host);
}

#[test]
fn bombs_do_not_get_more_memory_than_the_cap() {
    let limits = HostLimits { compiler_bytes: 160 << 20, compiler_time: Duration::from_secs(60), ..small() };
    let host = host_of(process(), limits);
    let guest = with(&loops_in_a_row(600, 500));
    let Err(LoadError::CompilerStopped(text)) = Plugin::load(&host, guest.bytes()) else { panic!("compiled") };
    println!("{text}");
    assert!(text.contains("`HostLimits::compiler_bytes`"), "{text}");
    neighbor_is_unharmed(&host);
}

#[test]
fn plugins_just_within_the_caps_compile_in_the_host_too() {
    for (name, code) in [
        ("a long function", long(170_000)),
        ("one jump table", jump_tables(65_000, 1)),
        ("blocks in blocks", nested_blocks(1_000)),
    ] {
        let guest = with(&code).on_own_host(small());
        assert!(guest.load().is_ok(), "{name}");
        neighbor_is_unharmed(guest.host());
    }
}
