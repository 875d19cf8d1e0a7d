//! Modules of stubs: functions that only trap, in place of interfaces that a plugin does not have. The tools for Python
//! write them in another order each time.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use wasm_encoder::{
    CodeSection, Component, ComponentSectionId, ExportKind, ExportSection, Function, FunctionSection, Module,
    RawSection, TypeSection,
};
use wasmparser::{ExternalKind, FuncType, Operator, Parser, Payload};

use super::top_level::top_level;

/// Sorts the functions of each module of stubs by name, so that plugins of one language get equal code.
///
/// # Errors
///
/// `component` is not a component.
pub(super) fn sorted(component: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = Component::new();
    for payload in top_level(component) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                let module = component.get(unchecked_range).unwrap_or_default();
                let sorted = stubs(module)?.map(|stubs| encoded(&stubs)).transpose()?;
                let data = sorted.as_deref().unwrap_or(module);
                encoder.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data });
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let data = component.get(unchecked_range).unwrap_or_default();
                encoder.section(&RawSection { id: ComponentSectionId::Component.into(), data });
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    encoder.section(&RawSection { id, data: component.get(range).unwrap_or_default() });
                }
            }
        }
    }
    Ok(encoder.finish())
}

/// The functions of a module of stubs by their names; none for another module.
fn stubs(module: &[u8]) -> Result<Option<BTreeMap<&str, FuncType>>> {
    let (mut types, mut functions, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let Ok(ty) = ty else { return Ok(None) };
                    types.push(ty);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    functions.push(types.get(ty? as usize).context("a type does not exist")?.clone());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind != ExternalKind::Func {
                        return Ok(None);
                    }
                    names.push((export.name, export.index as usize));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut operators = body.get_operators_reader()?;
                let is_stub =
                    matches!((operators.read()?, operators.read()), (Operator::Unreachable, Ok(Operator::End)));
                if !is_stub || !operators.eof() || body.get_locals_reader()?.get_count() > 0 {
                    return Ok(None);
                }
            }
            Payload::Version { .. }
            | Payload::CodeSectionStart { .. }
            | Payload::CustomSection(_)
            | Payload::End(_) => {}
            _ => return Ok(None),
        }
    }
    let named = names.iter().filter_map(|(name, index)| Some((*name, functions.get(*index)?.clone())));
    let named: BTreeMap<&str, FuncType> = named.collect();
    let is_named_once = named.len() == functions.len() && names.len() == functions.len();
    Ok((is_named_once && !named.is_empty()).then_some(named))
}

fn encoded(stubs: &BTreeMap<&str, FuncType>) -> Result<Vec<u8>> {
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    for (index, (name, ty)) in (0..).zip(stubs) {
        types.ty().func_type(&ty.clone().try_into().context("a type that cannot be written")?);
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(module: &str) -> Vec<u8> {
        wat::parse_str(format!("(component (core module {module}) (component))")).unwrap()
    }

    #[test]
    fn the_order_of_stubs_does_not_change_the_component() {
        let [first, second] = [
            r#"(func (export "a") (param i32) unreachable) (func (export "b") (result i64) unreachable)"#,
            r#"(func (export "b") (result i64) unreachable) (func (export "a") (param i32) unreachable)"#,
        ]
        .map(|module| sorted(&component(module)).unwrap());
        assert_eq!(first, second);
        wasmparser::Validator::new().validate_all(&first).unwrap();
    }

    #[test]
    fn other_modules_stay_as_they_are() {
        for module in [
            "",
            r#"(func (export "a"))"#,
            r#"(func (export "a") (local i32) unreachable)"#,
            r#"(func $f (export "a") unreachable) (export "b" (func $f))"#,
            "(func unreachable)",
            r#"(memory (export "m") 1) (func (export "a") unreachable)"#,
            r#"(import "x" "y" (func)) (func (export "a") unreachable)"#,
        ] {
            let component = component(module);
            assert_eq!(sorted(&component).unwrap(), component, "{module}");
        }
    }
}
