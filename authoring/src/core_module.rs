//! The core module that a compiler makes: its stack, and the parts that a plugin does not need.

use anyhow::{Context, Result, ensure};
use wasm_encoder::{Module, RawSection};
use wasmparser::{DataKind, GlobalType, Operator, Parser, Payload, ValType};

/// Checks that the stack lies below all data. An overflow of such a stack ends in a trap: the addresses below it do not
/// exist. With the stack above the data, it would overwrite them.
///
/// Compilers that use LLVM keep the address of the stack's end in the first global.
///
/// # Errors
///
/// The module is invalid, or its stack lies above data.
pub(crate) fn check_stack(module: &[u8]) -> Result<()> {
    let (mut stack, mut lowest, mut count) = (None, None, 0);
    for payload in Parser::new(0).parse_all(module) {
        match payload.context("the compiler made an invalid module")? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    count += usize::from(matches!(import?.ty, wasmparser::TypeRef::Global(_)));
                }
            }
            Payload::GlobalSection(globals) if count == 0 => {
                let first = globals.into_iter().next().transpose()?;
                let address = GlobalType { content_type: ValType::I32, mutable: true, shared: false };
                stack = first.filter(|first| first.ty == address).and_then(|first| constant(&first.init_expr));
            }
            Payload::DataSection(data) => {
                for segment in data {
                    if let DataKind::Active { offset_expr, .. } = segment?.kind {
                        let offset = constant(&offset_expr);
                        lowest = lowest.into_iter().chain(offset).min();
                    }
                }
            }
            _ => {}
        }
    }
    if let (Some(stack), Some(lowest)) = (stack, lowest) {
        ensure!(
            stack <= lowest,
            "the stack of the module ends at {stack}, above data at {lowest}, so that an overflow would overwrite \
             them: link with `-Wl,--stack-first`"
        );
    }
    Ok(())
}

/// The value of a constant expression, if it is an address.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Option<u32> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}

/// Removes the custom sections with debug information. The names of functions stay: the backtrace of a fault has them.
///
/// # Errors
///
/// The module is invalid.
pub(crate) fn without_debug_sections(module: &[u8]) -> Result<Vec<u8>> {
    let mut kept = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.context("the compiler made an invalid module")?;
        if matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(".debug_")) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            kept.section(&RawSection { id, data: module.get(range).context("a section is out of bounds")? });
        }
    }
    Ok(kept.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_stack_above_data_is_an_error_with_the_option_that_mends_it() {
        let above = module("(module (memory 3) (global (mut i32) (i32.const 66576)) (data (i32.const 1024) \"x\"))");
        let error = check_stack(&above).unwrap_err().to_string();
        assert!(error.contains("ends at 66576, above data at 1024") && error.contains("--stack-first"), "{error}");
    }

    #[test]
    fn a_stack_below_data_and_a_module_without_a_stack_are_accepted() {
        for text in [
            "(module (memory 3) (global (mut i32) (i32.const 65536)) (data (i32.const 65536) \"x\"))",
            "(module (memory 3) (global i32 (i32.const 65536)) (data (i32.const 1024) \"x\"))",
            "(module (memory 3) (global (mut i64) (i64.const 65536)) (data (i32.const 1024) \"x\"))",
            "(module (memory 3) (global (mut i32) (i32.const 65536)))",
            "(module)",
        ] {
            check_stack(&module(text)).unwrap();
        }
    }

    #[test]
    fn debug_information_is_removed_and_names_are_kept() {
        let text =
            |debug: &str| format!("(module (func $named (export \"f\")) {debug} (@custom \"producers\" \"\\00\"))");
        let with = module(&text("(@custom \".debug_info\" \"secret\") (@custom \".debug_str\" \"/home\")"));
        assert_eq!(without_debug_sections(&with).unwrap(), module(&text("")));
    }
}
