//! Splitting one core module into code and state.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, EntityType, ExportKind, ExportSection, GlobalSection, ImportSection,
    MemorySection, Module, RawSection,
};
use wasmparser::{DataKind, Operator, Parser, Payload, TypeRef};

use super::data::{MemoryInit, Segment, joined, offset};
use super::globals;
use super::segments::Segments;
use crate::guest::reason::Reason;

/// The name under which a module imports its own state.
pub(super) const STATE: &str = "guardhouse:state";

/// A module, split into code and state.
pub(super) struct SplitModule {
    pub(super) code: Vec<u8>,
    /// `None` for a module without state, whose code is the module itself.
    pub(super) state: Option<ModuleState>,
}

/// The memories of a module and the globals that can change, as a module of their own.
pub(super) struct ModuleState {
    pub(super) module: Vec<u8>,
    /// Its exports, in the order in which the code imports them. A memory has the size that other modules ask for, and not
    /// its own, so that the code is the same for every state.
    pub(super) exports: Vec<(String, EntityType)>,
}

impl SplitModule {
    /// Splits a module. `imported` is the size of the largest memory that a module of the component imports, in pages: the
    /// code may pass on its memory.
    pub(super) fn new(module: &[u8], imported: u64, init: MemoryInit) -> Result<Self, Reason> {
        let globals_in_state = globals::in_state(module)?;
        let state = ModuleState::of(module, imported, globals_in_state, init)?;
        let code = match &state {
            Some(state) => code(module, &state.exports, globals_in_state)?,
            None => module.to_vec(),
        };
        Ok(Self { code, state })
    }
}

impl ModuleState {
    fn of(module: &[u8], imported: u64, globals_in_state: usize, init: MemoryInit) -> Result<Option<Self>, Reason> {
        if is_stateless(module)? {
            return Ok(None);
        }
        let (mut memories, mut globals, mut data) = (MemorySection::new(), GlobalSection::new(), DataSection::new());
        let mut segments = Vec::new();
        let (mut names, mut exports) = (ExportSection::new(), Vec::new());
        let mut imported_memories = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imported_memories += u32::from(matches!(import?.ty, TypeRef::Memory(_)));
                    }
                }
                Payload::MemorySection(section) => {
                    for (index, memory) in (0_u32..).zip(section) {
                        let memory = RoundtripReencoder.memory_type(memory?).map_err(message)?;
                        memories.memory(memory);
                        let name = format!("memory-{index}");
                        names.export(&name, ExportKind::Memory, index);
                        let minimum = memory.minimum.min(imported);
                        exports.push((name, EntityType::Memory(wasm_encoder::MemoryType { minimum, ..memory })));
                    }
                }
                Payload::GlobalSection(section) => {
                    for (index, global) in (0_u32..).zip(section).take(globals_in_state) {
                        let global = global?;
                        let ty = RoundtripReencoder.global_type(global.ty).map_err(message)?;
                        globals.global(ty, &constant(&global.init_expr)?);
                        let name = format!("global-{index}");
                        names.export(&name, ExportKind::Global, index);
                        exports.push((name, EntityType::Global(ty)));
                    }
                }
                Payload::DataSection(section) => {
                    for segment in section {
                        let segment = segment?;
                        if let DataKind::Active { memory_index, offset_expr } = segment.kind {
                            let index = memory_index.checked_sub(imported_memories);
                            let index = index.ok_or("a module initializes the memory of another")?;
                            segments.push(Segment {
                                memory: index,
                                offset: offset(&offset_expr)?,
                                bytes: segment.data.into(),
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        if init == MemoryInit::Copied {
            segments = joined(segments);
        }
        for Segment { memory, offset, bytes } in segments {
            data.active(memory, &init.offset(offset), bytes);
        }
        let mut state = Module::new();
        state.section(&memories).section(&globals).section(&names).section(&data);
        Ok(Some(Self { module: state.finish(), exports }))
    }
}

/// Whether all instances of a module are equal, apart from their imports. This holds for the libraries of a language
/// runtime: their own globals contain the addresses that the runtime gave them, and do not change.
fn is_stateless(module: &[u8]) -> Result<bool, Reason> {
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::MemorySection(section) if section.count() > 0 => return Ok(false),
            Payload::GlobalSection(section) => {
                for global in section {
                    if global?.ty.mutable {
                        return Ok(false);
                    }
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    if let DataKind::Active { .. } = segment?.kind {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(true)
}

/// The size of the largest memory that a module imports, in pages.
pub(super) fn imported_pages(module: &[u8]) -> Result<u64, Reason> {
    let mut most = 0;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                if let TypeRef::Memory(memory) = import?.ty {
                    most = most.max(memory.initial);
                }
            }
        }
    }
    Ok(most)
}

/// A constant number. Any other expression depends on the instance.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Reason> {
    let mut operators = expression.get_operators_reader();
    let refused = || Err("a global or a segment that depends on the instance".into());
    let constant = match operators.read()? {
        Operator::I32Const { value } => ConstExpr::i32_const(value),
        Operator::I64Const { value } => ConstExpr::i64_const(value),
        Operator::F32Const { value } => ConstExpr::f32_const(value.into()),
        Operator::F64Const { value } => ConstExpr::f64_const(value.into()),
        Operator::V128Const { value } => ConstExpr::v128_const(value.i128()),
        _ => return refused(),
    };
    match operators.read()? {
        Operator::End => Ok(constant),
        _ => refused(),
    }
}

/// Writes the module with imports instead of its state, and without the segments that no function names.
fn code(module: &[u8], state: &[(String, EntityType)], globals_in_state: usize) -> Result<Vec<u8>, Reason> {
    let mut encoder = Module::new();
    let mut imports = Some(ImportSection::new());
    let mut segments = Segments::of(module)?;
    let mut functions = segments.renumbered(module)?;
    let segments = segments.section;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        // The imports of the state come after the types, and before every section that can follow imports.
        match &payload {
            Payload::Version { .. } | Payload::TypeSection(_) | Payload::CustomSection(_) | Payload::End(_) => {}
            Payload::ImportSection(section) => {
                if let Some(imports) = &mut imports {
                    RoundtripReencoder.parse_import_section(imports, section.clone()).map_err(message)?;
                }
            }
            _ => add_imports(&mut encoder, imports.take(), state),
        }
        match payload {
            Payload::ImportSection(_) | Payload::MemorySection(_) | Payload::CodeSectionEntry(_) => {}
            Payload::GlobalSection(section) => {
                let globals = globals::in_code(section, globals_in_state)?;
                if !globals.is_empty() {
                    encoder.section(&globals);
                }
            }
            Payload::DataCountSection { .. } | Payload::DataSection(_) if segments.is_empty() => {}
            Payload::DataCountSection { .. } => {
                encoder.section(&DataCountSection { count: segments.len() });
            }
            Payload::DataSection(_) => {
                encoder.section(&segments);
            }
            Payload::CodeSectionStart { range, .. } => match functions.take() {
                Some(functions) => {
                    encoder.section(&functions);
                }
                None => {
                    let data = module.get(range).unwrap_or_default();
                    encoder.section(&RawSection { id: wasm_encoder::SectionId::Code.into(), data });
                }
            },
            // None is left in a snapshot: the start function has run, and it must not run again.
            Payload::StartSection { .. } => return Err("a module with state has a start function".into()),
            other => {
                if let Some((id, range)) = other.as_section() {
                    encoder.section(&RawSection { id, data: module.get(range).unwrap_or_default() });
                }
            }
        }
    }
    add_imports(&mut encoder, imports, state);
    Ok(encoder.finish())
}

fn add_imports(encoder: &mut Module, imports: Option<ImportSection>, state: &[(String, EntityType)]) {
    let Some(mut imports) = imports else { return };
    for (name, ty) in state {
        imports.import(STATE, name, *ty);
    }
    encoder.section(&imports);
}

fn message(error: impl std::fmt::Display) -> Reason {
    Reason::new(error.to_string())
}

#[cfg(test)]
mod tests;
