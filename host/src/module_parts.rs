//! A module with its state apart from its code.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, EntityType, ExportKind, ExportSection, GlobalSection, ImportSection,
    MemorySection, Module, RawSection,
};
use wasmparser::{DataKind, MemoryType, Operator, Parser, Payload, TypeRef};

/// The name under which a module imports its own state.
pub(crate) const STATE: &str = "guardhouse:state";

/// A module with more than this, code and all, is not copied into its instances, in bytes.
const MAX_COPIED_BYTES: usize = 256 << 10;

/// How the memory of an instance gets what a state holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    /// It is mapped, and only what an instance has written is put back for the next. Cheapest for one that follows
    /// another of the same image, and for states of any size.
    Mapped,
    /// It is copied. Nothing is mapped anew for an instance that follows one of another image.
    Copied,
}

impl Filling {
    /// Where a segment begins. The runtime maps segments whose place is a plain number.
    fn offset(self, offset: u32) -> ConstExpr {
        let offset = ConstExpr::i32_const(offset.cast_signed());
        match self {
            Self::Mapped => offset,
            Self::Copied => offset.with_i32_const(0).with_i32_add(),
        }
    }
}

/// Bytes that fill a memory from some place on.
struct Segment {
    memory: u32,
    offset: u32,
    bytes: Vec<u8>,
}

/// Segments with less than this between them are copied as one, in bytes: each is a piece of code.
const MAX_GAP: usize = 4 << 10;

/// The same bytes in fewer segments. They are in order, as those of a snapshot are.
fn joined(segments: Vec<Segment>) -> Vec<Segment> {
    let mut joined: Vec<Segment> = Vec::new();
    for segment in segments {
        let last = joined.last_mut().filter(|last| last.memory == segment.memory);
        let gap = last.as_ref().and_then(|last| {
            let end = (last.offset as usize).checked_add(last.bytes.len())?;
            (segment.offset as usize).checked_sub(end).filter(|gap| *gap < MAX_GAP)
        });
        match (last, gap) {
            (Some(last), Some(gap)) => {
                last.bytes.resize(last.bytes.len() + gap, 0);
                last.bytes.extend(segment.bytes);
            }
            _ => joined.push(segment),
        }
    }
    joined
}

/// A module in two parts.
pub(crate) struct Parted {
    pub(crate) code: Vec<u8>,
    /// None for a module that has no state: it is as it was.
    pub(crate) state: Option<ModuleState>,
}

pub(crate) struct ModuleState {
    pub(crate) module: Vec<u8>,
    /// What it exports, in the order in which the code imports it. A memory has the size there that the plugin gave it,
    /// and not the one of the snapshot, so that the code is the same for every state.
    pub(crate) exports: Vec<(String, EntityType)>,
}

impl Parted {
    pub(crate) fn new(module: &[u8], original: &[u8], filling: Filling) -> Result<Self, String> {
        let state = ModuleState::of(module, &memories(original)?, filling)?;
        let code = match &state {
            Some(state) => code(module, &state.exports)?,
            None => module.to_vec(),
        };
        Ok(Self { code, state })
    }
}

impl ModuleState {
    fn of(module: &[u8], originals: &[MemoryType], filling: Filling) -> Result<Option<Self>, String> {
        if is_stateless(module)? {
            return Ok(None);
        }
        let (mut memories, mut globals, mut data) = (MemorySection::new(), GlobalSection::new(), DataSection::new());
        let filling = if module.len() > MAX_COPIED_BYTES { Filling::Mapped } else { filling };
        let mut segments = Vec::new();
        let (mut names, mut exports) = (ExportSection::new(), Vec::new());
        let mut imported_memories = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(text)? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imported_memories += u32::from(matches!(import.map_err(text)?.ty, TypeRef::Memory(_)));
                    }
                }
                Payload::MemorySection(section) => {
                    for ((index, memory), original) in (0_u32..).zip(section).zip(originals) {
                        let memory = RoundtripReencoder.memory_type(memory.map_err(text)?).map_err(text)?;
                        memories.memory(memory);
                        let name = format!("memory-{index}");
                        names.export(&name, ExportKind::Memory, index);
                        let minimum = original.initial;
                        exports.push((name, EntityType::Memory(wasm_encoder::MemoryType { minimum, ..memory })));
                    }
                }
                Payload::GlobalSection(section) => {
                    for (index, global) in (0_u32..).zip(section) {
                        let global = global.map_err(text)?;
                        let ty = RoundtripReencoder.global_type(global.ty).map_err(text)?;
                        globals.global(ty, &constant(&global.init_expr)?);
                        let name = format!("global-{index}");
                        names.export(&name, ExportKind::Global, index);
                        exports.push((name, EntityType::Global(ty)));
                    }
                }
                Payload::DataSection(section) => {
                    for segment in section {
                        let segment = segment.map_err(text)?;
                        if let DataKind::Active { memory_index, offset_expr } = segment.kind {
                            let index = memory_index.checked_sub(imported_memories);
                            let index = index.ok_or("a module fills the memory of another")?;
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
        if filling == Filling::Copied {
            segments = joined(segments);
        }
        for Segment { memory, offset, bytes } in segments {
            data.active(memory, &filling.offset(offset), bytes);
        }
        let mut state = Module::new();
        state.section(&memories).section(&globals).section(&names).section(&data);
        Ok(Some(Self { module: state.finish(), exports }))
    }
}

/// Whether every instance of a module holds what every other holds, but for what is imported: the libraries of a
/// language's runtime are such. Their own globals say where the runtime put them, and do not change.
fn is_stateless(module: &[u8]) -> Result<bool, String> {
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(text)? {
            Payload::MemorySection(section) if section.count() > 0 => return Ok(false),
            Payload::GlobalSection(section) => {
                for global in section {
                    if global.map_err(text)?.ty.mutable {
                        return Ok(false);
                    }
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    if let DataKind::Active { .. } = segment.map_err(text)?.kind {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(true)
}

/// The memories that a module defines.
fn memories(module: &[u8]) -> Result<Vec<MemoryType>, String> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::MemorySection(section) = payload.map_err(text)? {
            return section.into_iter().collect::<Result<_, _>>().map_err(text);
        }
    }
    Ok(Vec::new())
}

/// Where a segment of a 32-bit memory begins.
fn offset(expression: &wasmparser::ConstExpr<'_>) -> Result<u32, String> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().map_err(text)?, operators.read().map_err(text)?) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err("a segment of a 64-bit memory, or one that depends on the instance".to_owned()),
    }
}

/// A number; anything else depends on the instance.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, String> {
    let mut operators = expression.get_operators_reader();
    let refused = || Err("a global or a segment that depends on the instance".to_owned());
    let constant = match operators.read().map_err(text)? {
        Operator::I32Const { value } => ConstExpr::i32_const(value),
        Operator::I64Const { value } => ConstExpr::i64_const(value),
        Operator::F32Const { value } => ConstExpr::f32_const(value.into()),
        Operator::F64Const { value } => ConstExpr::f64_const(value.into()),
        Operator::V128Const { value } => ConstExpr::v128_const(value.i128()),
        _ => return refused(),
    };
    match operators.read().map_err(text)? {
        Operator::End => Ok(constant),
        _ => refused(),
    }
}

/// The module with imports in the place of its state. Segments that fill memory are gone: they come last in a snapshot,
/// so that the others keep their numbers.
fn code(module: &[u8], state: &[(String, EntityType)]) -> Result<Vec<u8>, String> {
    let mut encoder = Module::new();
    let mut imports = Some(ImportSection::new());
    let segments = passive_segments(module)?;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(text)?;
        // What the state is imported with comes after the types, and before everything that can follow imports.
        match &payload {
            Payload::Version { .. } | Payload::TypeSection(_) | Payload::CustomSection(_) | Payload::End(_) => {}
            Payload::ImportSection(section) => {
                if let Some(imports) = &mut imports {
                    RoundtripReencoder.parse_import_section(imports, section.clone()).map_err(text)?;
                }
            }
            _ => add_imports(&mut encoder, imports.take(), state),
        }
        match payload {
            Payload::ImportSection(_)
            | Payload::MemorySection(_)
            | Payload::GlobalSection(_)
            | Payload::CodeSectionEntry(_) => {}
            Payload::DataCountSection { .. } => {
                encoder.section(&DataCountSection { count: segments.len() });
            }
            Payload::DataSection(_) => {
                encoder.section(&segments);
            }
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

fn passive_segments(module: &[u8]) -> Result<DataSection, String> {
    let mut segments = DataSection::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::DataSection(section) = payload.map_err(text)? {
            for segment in section {
                let segment = segment.map_err(text)?;
                if let DataKind::Passive = segment.kind {
                    segments.passive(segment.data.iter().copied());
                }
            }
        }
    }
    Ok(segments)
}

fn add_imports(encoder: &mut Module, imports: Option<ImportSection>, state: &[(String, EntityType)]) {
    let Some(mut imports) = imports else { return };
    for (name, ty) in state {
        imports.import(STATE, name, *ty);
    }
    encoder.section(&imports);
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
