//! Cases of splitting: modules as text, and what becomes of their parts.

use super::super::data::SplitOf;
use super::super::sections::core_modules;
use super::*;
use crate::tuning::{MAX_COPIED_BYTES, MAX_JOINED_ZEROS, MAX_SEGMENT_GAP};

fn split_of(module: &str) -> Result<SplitModule, Reason> {
    let module = wat::parse_str(module).unwrap();
    let init = MemoryInit::of(&[&module], SplitOf::Image { resident_bytes: 0, copied_bytes: MAX_COPIED_BYTES })?;
    SplitModule::new(&module, 1, init)
}

fn is_valid(module: &[u8]) -> bool {
    wasmparser::Validator::new().validate_all(module).is_ok()
}

/// The names of a state's exports.
fn exports(state: &ModuleState) -> Vec<&str> {
    state.exports.iter().map(|(name, _)| name.as_str()).collect()
}

/// The active segments of a module: offsets and bytes.
fn segments(module: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut segments = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::DataSection(section) = payload.unwrap() else { continue };
        for segment in section {
            let segment = segment.unwrap();
            let DataKind::Active { offset_expr, .. } = &segment.kind else { continue };
            let offset = match offset_expr.get_operators_reader().read().unwrap() {
                Operator::I32Const { value } => value.cast_unsigned(),
                other => panic!("{other:?}"),
            };
            segments.push((offset, segment.data.to_vec()));
        }
    }
    segments
}

#[test]
fn memories_and_globals_become_the_state_and_imports_of_the_code() {
    let module = r#"(module
        (import "env" "f" (func))
        (memory 1)
        (global (mut i32) (i32.const 7))
        (global i64 (i64.const 8))
        (global (mut f32) (f32.const 9))
        (data (i32.const 16) "abc")
        (func (export "get") (result i32) (global.get 0)))"#;
    let SplitModule { code, state } = split_of(module).unwrap();
    let state = state.unwrap();
    assert_eq!(exports(&state), ["memory-0", "global-0", "global-1", "global-2"]);
    assert_eq!(segments(&state.module), [(16, b"abc".to_vec())]);
    assert!(is_valid(&code) && is_valid(&state.module));
    assert_eq!(segments(&code), []);
    let state = ["memory-0", "global-0", "global-1", "global-2"].map(|name| format!("guardhouse:state {name}"));
    assert_eq!(imports(&code), ["env f".to_owned()].into_iter().chain(state).collect::<Vec<_>>());
}

#[test]
fn immutable_globals_behind_the_mutable_ones_stay_in_the_code() {
    for (globals, functions, in_state) in [
        ("(global i32 (i32.const 1))", "(func (export \"f\") (result i32) (global.get 1))", 0),
        ("(global (mut i32) (i32.const 1)) (global $g (export \"g\") i64 (i64.const 2))", "", 1),
        // Their values may be known only in an instance.
        ("(global (mut i32) (i32.const 1)) (global i32 (global.get $import))", "", 1),
        ("(global (mut i32) (i32.const 1)) (global funcref (ref.func $f))", "(func $f)", 1),
        (
            "(global i32 (i32.const 1)) (global (mut i32) (i32.const 2)) (global i32 (i32.const 3))",
            "(func (export \"f\") (result i32) (global.set 2 (global.get 1)) (global.get 3))",
            2,
        ),
    ] {
        let module = format!(r#"(module (import "env" "g" (global $import i32)) (memory 1) {globals} {functions})"#);
        let SplitModule { code, state } = split_of(&module).unwrap();
        let state = state.unwrap();
        assert!(is_valid(&code) && is_valid(&state.module), "{globals}");
        assert_eq!(exports(&state).len(), 1 + in_state, "{globals}");
        assert_eq!(imports(&code).len(), 2 + in_state, "{globals}");
    }
}

#[test]
fn the_code_of_a_built_in_check_imports_one_global() {
    for crate::builtin::Builtin { name, bytes, .. } in crate::builtin::ALL {
        let modules = core_modules(bytes).unwrap();
        let states = modules.iter().filter_map(|module| SplitModule::new(module, 1, MemoryInit::Copied).unwrap().state);
        let names: Vec<String> = states.flat_map(|state| state.exports).map(|(name, _)| name).collect();
        assert_eq!(names, ["memory-0", "global-0"], "{name}");
    }
}

fn imports(module: &[u8]) -> Vec<String> {
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload.unwrap() {
            let all = section.into_imports().map(Result::unwrap);
            imports.extend(all.map(|import| format!("{} {}", import.module, import.name)));
        }
    }
    imports
}

#[test]
fn modules_that_differ_in_their_state_have_the_same_code() {
    let module = |pages: u32, value: u32, text: &str| {
        format!(
            r#"(module (memory {pages} 20) (global (mut i32) (i32.const {value})) (data (i32.const {value}) "{text}")
            (func (export "get") (result i32) (global.get 0)))"#
        )
    };
    let [first, second] = [module(2, 1, "a"), module(9, 2, "bc")].map(|text| split_of(&text).unwrap());
    assert_eq!(first.code, second.code);
    let [first, second] = [first, second].map(|module| module.state.unwrap().module);
    assert!(is_valid(&first) && is_valid(&second) && first != second);
    assert_eq!((segments(&first), segments(&second)), (vec![(1, b"a".to_vec())], vec![(2, b"bc".to_vec())]));
}

#[test]
fn a_module_without_state_stays_as_it_is() {
    for module in [
        "(module)",
        "(module (global i32 (i32.const 1)))",
        r#"(module (import "env" "memory" (memory 1)) (data "passive"))"#,
        r#"(module (import "env" "g" (global (mut i32))))"#,
    ] {
        let SplitModule { code, state } = split_of(module).unwrap();
        assert!(state.is_none(), "{module}");
        assert_eq!(code, wat::parse_str(module).unwrap(), "{module}");
    }
}

#[test]
fn state_that_depends_on_the_instance_cannot_be_split() {
    for (module, reason) in [
        (r#"(module (import "env" "memory" (memory 1)) (data (i32.const 0) "a"))"#, "the memory of another"),
        (r#"(module (import "env" "g" (global i32)) (memory 1) (data (global.get 0) "a"))"#, "depends on the instance"),
        (r#"(module (import "env" "g" (global i32)) (global (mut i32) (global.get 0)))"#, "depends on the instance"),
        (r#"(module (memory i64 1) (data (i64.const 0) "a"))"#, "a 64-bit memory"),
        ("(module (func $f) (global (mut funcref) (ref.func $f)))", "depends on the instance"),
        ("(module (memory 1) (func $f) (start $f))", "a start function"),
    ] {
        let error = split_of(module).err().unwrap_or_else(|| panic!("{module} was split")).to_string();
        assert!(error.contains(reason), "{module}: {error}");
    }
}

#[test]
fn segments_that_functions_name_stay_in_the_code() {
    let module = r#"(module
        (memory 1)
        (data "first") (data "second") (data (i32.const 0) "active")
        (func (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 6)) (data.drop 0)))"#;
    let SplitModule { code, state } = split_of(module).unwrap();
    assert!(is_valid(&code));
    assert_eq!(segments(&state.unwrap().module), [(0, b"active".to_vec())]);
}

#[test]
fn copied_segments_with_small_gaps_are_joined() {
    let (near, far) = (MAX_SEGMENT_GAP, 4 * MAX_SEGMENT_GAP);
    let module = format!(
        r#"(module (memory 1) (data (i32.const 0) "a") (data (i32.const {near}) "b") (data (i32.const {far}) "c"))"#
    );
    let joined = split_of(&module).unwrap().state.unwrap();
    let found = segments(&joined.module);
    assert_eq!(
        found.iter().map(|(offset, bytes)| (*offset as usize, bytes.len())).collect::<Vec<_>>(),
        [(0, near + 1), (far, 1)]
    );
    assert_eq!(found[0].1.iter().filter(|byte| **byte != 0).count(), 2);
    assert!(is_valid(&joined.module));
}

#[test]
fn segments_of_a_large_module_are_mapped_as_they_are() {
    let text = "x".repeat(MAX_COPIED_BYTES);
    let module = format!(
        r#"(module (memory 9) (data (i32.const 0) "a") (data (i32.const 2) "b") (data (i32.const 9) "{text}"))"#
    );
    let state = split_of(&module).unwrap().state.unwrap();
    assert_eq!(segments(&state.module).len(), 3);
    assert!(is_valid(&state.module));
}

#[test]
fn segments_are_copied_unless_many_of_their_bytes_lie_beyond_the_resident_part() {
    const MIB: usize = 1 << 20;
    let init = |resident_bytes, segments: &[(usize, usize)]| {
        let module = |(offset, length): &(usize, usize)| {
            let text = format!("(module (memory 99) (data (i32.const {offset}) \"{}\"))", "x".repeat(*length));
            wat::parse_str(text).unwrap()
        };
        let modules: Vec<Vec<u8>> = segments.iter().map(module).collect();
        let modules: Vec<&[u8]> = modules.iter().map(Vec::as_slice).collect();
        MemoryInit::of(&modules, SplitOf::Image { resident_bytes, copied_bytes: MAX_COPIED_BYTES }).unwrap()
    };
    for (resident, segments, expected) in [
        (0, vec![(0, MAX_COPIED_BYTES)], MemoryInit::Copied),
        (0, vec![(0, MAX_COPIED_BYTES + 1)], MemoryInit::Mapped),
        // Together they have more.
        (0, vec![(0, MAX_COPIED_BYTES), (0, 1)], MemoryInit::Mapped),
        (MIB, vec![(0, MIB), (9, 1_000)], MemoryInit::Copied),
        (MIB, vec![(0, MIB + MAX_COPIED_BYTES)], MemoryInit::Copied),
        (MIB, vec![(0, MIB + MAX_COPIED_BYTES + 1)], MemoryInit::Mapped),
        (MIB, vec![(2 * MIB, MAX_COPIED_BYTES + 1)], MemoryInit::Mapped),
    ] {
        assert_eq!(init(resident, &segments), expected, "{resident} {segments:?}");
    }
}

#[test]
fn segments_in_another_order_are_not_joined() {
    for (offsets, joined) in [(["10", "0", "20"], 3), (["10", "10", "20"], 3), (["0", "10", "20"], 1)] {
        let data = offsets.map(|offset| format!("(data (i32.const {offset}) \"a\")")).concat();
        let state = split_of(&format!("(module (memory 1) {data})")).unwrap().state.unwrap();
        assert_eq!(segments(&state.module).len(), joined, "{offsets:?}");
    }
}

#[test]
fn gaps_between_many_segments_do_not_make_a_large_state() {
    let data: String = (0..10_000).map(|index| format!("(data (i32.const {}) \"a\")", index * 4_000)).collect();
    let state = split_of(&format!("(module (memory 700) {data})")).unwrap().state.unwrap();
    assert!(state.module.len() < 2 * MAX_JOINED_ZEROS, "{}", state.module.len());
}
