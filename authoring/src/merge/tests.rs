//! Cases of merging: what becomes of the globals and functions of two linked modules.

use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

use super::merge;

/// A main module, a library, and a module that is not merged because it has a start function.
struct Linked<'a> {
    main: &'a str,
    library: &'a str,
    outside: &'a str,
}

impl Linked<'_> {
    fn component(&self) -> Vec<u8> {
        let Self { main, library, outside } = self;
        let text = format!(
            r#"(component
            (core module $main (table (export "table") 8 funcref) {main})
            (core module $library (import "main" "table" (table 1 funcref)) {library})
            (core module $outside (import "library" "check" (func)) {outside} (func $start) (start $start))
            (core instance $main (instantiate $main))
            (core instance $library (instantiate $library (with "main" (instance $main))))
            (core instance (instantiate $outside (with "main" (instance $main)) (with "library" (instance $library)))))"#
        );
        wat::parse_str(text).unwrap()
    }

    fn merged(&self) -> Merged {
        let merged = merge(&self.component()).unwrap();
        Validator::new_with_features(WasmFeatures::all()).validate_all(&merged).unwrap();
        Merged::of(&merged)
    }
}

/// The parts of the merged module that cases look at.
#[derive(Debug, Default, PartialEq)]
struct Merged {
    /// Each global: whether it is mutable, and how it begins.
    globals: Vec<(bool, String)>,
    functions: usize,
    exported: Vec<String>,
    /// The operators of the function `check`, which is the last one of its module.
    check: String,
}

impl Merged {
    fn of(component: &[u8]) -> Self {
        let mut merged = Self::default();
        let module = Parser::new(0).parse_all(component).find_map(|payload| match payload.unwrap() {
            Payload::ModuleSection { unchecked_range, .. } => component.get(unchecked_range),
            _ => None,
        });
        for payload in Parser::new(0).parse_all(module.unwrap()) {
            match payload.unwrap() {
                Payload::GlobalSection(section) => {
                    for global in section {
                        let global = global.unwrap();
                        let operator = global.init_expr.get_operators_reader().read().unwrap();
                        merged.globals.push((global.ty.mutable, short(&operator)));
                    }
                }
                Payload::ExportSection(section) => {
                    let names = section.into_iter().map(|export| export.unwrap().name);
                    let kinds = names.map(|name| name.split('-').next().unwrap().to_owned());
                    merged.exported = kinds.filter(|kind| kind != "table").collect();
                }
                Payload::CodeSectionEntry(body) => {
                    merged.functions += 1;
                    let operators = body.get_operators_reader().unwrap().into_iter();
                    let operators: Vec<String> = operators.map(|operator| short(&operator.unwrap())).collect();
                    merged.check = operators.join(" ").trim_end_matches(" End").to_owned();
                }
                _ => {}
            }
        }
        merged
    }
}

fn short(operator: &Operator<'_>) -> String {
    match operator {
        Operator::I32Const { value } => value.to_string(),
        Operator::I64Const { value } => format!("{value}L"),
        Operator::F32Const { value } => format!("{:?}f", f32::from_bits(value.bits())),
        Operator::F64Const { value } => format!("{:?}d", f64::from_bits(value.bits())),
        Operator::GlobalGet { global_index } => format!("get{global_index}"),
        Operator::GlobalSet { global_index } => format!("set{global_index}"),
        Operator::Call { function_index } => format!("call{function_index}"),
        Operator::RefFunc { function_index } => format!("ref{function_index}"),
        other => format!("{other:?}").split(' ').next().unwrap().to_owned(),
    }
}

/// The globals of a library, the operators of its function `check`, and what becomes of both.
#[test]
fn globals_that_nothing_writes_become_numbers() {
    for (fields, check, globals, merged) in [
        ("(global $g i32 (i32.const 5))", "global.get $g drop", &[][..], "5 Drop"),
        ("(global $g (mut i32) (i32.const -6))", "global.get $g drop", &[], "-6 Drop"),
        ("(global $g i64 (i64.const 7))", "global.get $g drop", &[], "7L Drop"),
        ("(global $g (mut f32) (f32.const 0.5))", "global.get $g drop", &[], "0.5f Drop"),
        ("(global $g f64 (f64.const -0))", "global.get $g drop", &[], "-0.0d Drop"),
        ("(global $g f64 (f64.const nan))", "global.get $g drop", &[], "NaNd Drop"),
        (
            "(global $f i32 (i32.const 7)) (global $g i32 (i32.sub (global.get $f) (i32.const 9)))",
            "global.get $g drop",
            &[],
            "-2 Drop",
        ),
        // The number 2 of the table's places is an import of the library, and a global of the main module.
        (
            r#"(import "main" "base" (global $base i32)) (global $g i32 (i32.add (global.get $base) (i32.const 1)))"#,
            "global.get $g global.get $base drop drop",
            &[],
            "3 2 Drop Drop",
        ),
        (r#"(import "main" "never" (global $never (mut i32)))"#, "global.get $never drop", &[], "9 Drop"),
        // The others stay, and their indices close up.
        (
            "(global $g (mut i32) (i32.const 5)) (global $h (mut i32) (i32.const 6))",
            "global.get $g global.set $h",
            &[(true, "6")],
            "5 set0",
        ),
        (
            r#"(import "main" "never" (global $g (mut i32)))"#,
            "global.get $g global.set $g",
            &[(true, "9")],
            "get0 set0",
        ),
        ("(global $g v128 (v128.const i64x2 0 0))", "global.get $g drop", &[(false, "V128Const")], "get0 Drop"),
        ("(global $g funcref (ref.null func))", "global.get $g drop", &[(false, "RefNull")], "get0 Drop"),
        ("(global $g i64 (i64.add (i64.const 1) (i64.const 2)))", "global.get $g drop", &[(false, "1L")], "get0 Drop"),
    ] {
        let linked = Linked {
            main: r#"(global (export "base") i32 (i32.const 2)) (global (export "never") (mut i32) (i32.const 9))"#,
            library: &format!(r#"{fields} (func (export "check") {check})"#),
            outside: "",
        };
        let found = linked.merged();
        let globals: Vec<(bool, String)> = globals.iter().map(|(mutable, init)| (*mutable, (*init).into())).collect();
        assert_eq!((found.globals, found.check.as_str()), (globals, merged), "{fields}");
    }
}

#[test]
fn globals_that_another_module_has_too_stay_for_it() {
    for (global, import, stays, check) in [
        ("i32 (i32.const 5)", "i32", (false, "5"), "5 Drop"),
        // The other module can write it.
        ("(mut i32) (i32.const 5)", "(mut i32)", (true, "5"), "get0 Drop"),
        ("funcref (ref.null func)", "funcref", (false, "RefNull"), "get0 Drop"),
    ] {
        let linked = Linked {
            main: "(global i32 (i32.const 1))",
            library: &format!(r#"(global $g (export "global") {global}) (func (export "check") global.get $g drop)"#),
            outside: &format!(r#"(import "library" "global" (global {import}))"#),
        };
        let Merged { globals, functions, exported, check: found } = linked.merged();
        assert_eq!(globals, [(stays.0, stays.1.to_owned())], "{global}");
        assert_eq!((functions, exported), (1, vec!["function".to_owned(), "global".to_owned()]), "{global}");
        assert_eq!(found, check, "{global}");
    }
}

#[test]
fn functions_that_nothing_calls_are_left_out_and_what_they_write_is_a_number() {
    let start = "(func $start (global.set $g (i32.const 1)) (call $inner)) (func $inner (global.set $g (i32.const 2)))";
    for (fields, check, functions, globals, merged) in [
        ("", "global.get $g drop", 1, 0, "0 Drop"),
        // Each of these keeps both functions, or one.
        ("", "call $start", 3, 1, "call0"),
        ("", "call $inner", 2, 1, "call0"),
        ("", "return_call $start", 3, 1, "ReturnCall"),
        ("(elem (i32.const 3) func $start)", "global.get $g drop", 3, 1, "get0 Drop"),
        ("(elem (i32.const 3) funcref (ref.func $inner))", "global.get $g drop", 2, 1, "get0 Drop"),
        ("(elem func $inner)", "global.get $g drop", 2, 1, "get0 Drop"),
        ("(elem declare func $inner)", "ref.func $inner drop", 2, 1, "ref0 Drop"),
        ("(global funcref (ref.func $inner))", "global.get $g drop", 2, 2, "get0 Drop"),
        ("(table 1 funcref (ref.func $start))", "global.get $g drop", 3, 1, "get0 Drop"),
    ] {
        let library = format!(
            r#"(global $g (mut i32) (i32.const 0)) (global $h (mut i32) (i32.const 0)) {start} {fields}
            (func $alone (global.set $h (i32.const 1)) (call $alone)) (func (export "check") {check})"#
        );
        let found = Linked { main: "(func $unused)", library: &library, outside: "" }.merged();
        let counts = (found.functions, found.globals.len(), found.check.as_str());
        assert_eq!(counts, (functions, globals, merged), "{fields} {check}");
    }
}

#[test]
fn functions_of_one_module_that_another_calls_stay() {
    let main = r#"(global $g (mut i32) (i32.const 4)) (func (export "first") (global.set $g (i32.const 1)))
        (func (export "second") (result i32) (global.get $g))"#;
    for (import, check, functions, globals) in [
        (r#"(import "main" "first" (func $f))"#, "call $f", 2, 1),
        (r#"(import "main" "second" (func $f (result i32)))"#, "(drop (call $f))", 2, 0),
        (r#"(import "main" "second" (func $f (result i32)))"#, "", 1, 0),
    ] {
        let library = format!(r#"{import} (func (export "check") {check})"#);
        let found = Linked { main, library: &library, outside: "" }.merged();
        assert_eq!((found.functions, found.globals.len()), (functions, globals), "{import} {check}");
    }
    // A module that is not merged calls one, too.
    let outside = r#"(import "main" "first" (func))"#;
    let found = Linked { main, library: r#"(func (export "check"))"#, outside }.merged();
    assert_eq!((found.functions, found.globals.len()), (2, 1));
}

#[test]
fn offsets_that_depend_on_globals_become_numbers() {
    let library = r#"(import "main" "base" (global $base i32)) (memory 1) (func $f)
        (data (global.get $base) "a") (elem (i32.mul (global.get $base) (i32.const 3)) func $f)
        (func (export "check"))"#;
    let linked = Linked { main: r#"(global (export "base") i32 (i32.const 2))"#, library, outside: "" };
    let merged = merge(&linked.component()).unwrap();
    let text = Parser::new(0).parse_all(&merged).filter_map(|payload| match payload.unwrap() {
        Payload::DataSection(section) => section.into_iter().find_map(|data| match data.unwrap().kind {
            wasmparser::DataKind::Active { offset_expr, .. } => Some(offset_expr),
            wasmparser::DataKind::Passive => None,
        }),
        Payload::ElementSection(section) => section.into_iter().find_map(|element| match element.unwrap().kind {
            wasmparser::ElementKind::Active { offset_expr, .. } => Some(offset_expr),
            _ => None,
        }),
        _ => None,
    });
    let offsets: Vec<String> = text.map(|offset| short(&offset.get_operators_reader().read().unwrap())).collect();
    assert_eq!(offsets, ["6", "2"]);
}
