//! A component with its state apart from its code: compiled once, the code serves any number of states.
//!
//! Every memory and every global that a module defines becomes an import of it, in the same place of its index space,
//! so that no function changes. What they hold becomes a module of its own, which has no code and is made in no time.
//! The component imports that module, makes an instance of it, and hands it on.

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ConstExpr, CoreTypeSection, DataCountSection, DataSection,
    EntityType, ExportKind, ExportSection, GlobalSection, ImportSection, InstanceSection, MemorySection, Module,
    ModuleArg, ModuleType, RawSection,
};
use wasmparser::{DataKind, MemoryType, Operator, Parser, Payload, TypeRef};

use crate::digest::Digest;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A component in two parts.
pub(crate) struct Parts {
    /// The code: a component that imports its states as modules.
    pub(crate) code: Vec<u8>,
    /// The modules that it imports, in order; see [`name`].
    pub(crate) states: Vec<Vec<u8>>,
}

impl Parts {
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.code)
    }
}

/// The name under which the code imports a state.
pub(crate) fn name(state: usize) -> String {
    format!("guardhouse-state-{state}")
}

/// The name under which a module imports its own state.
const STATE: &str = "guardhouse:state";

type Error = reencode::Error<std::convert::Infallible>;

/// Takes the snapshot of a plugin apart. Its modules are those of the plugin, in the same order, and instantiated once
/// each. An error says what cannot be parted; it is not an error of the plugin.
pub(crate) fn part(snapshot: &[u8], plugin: &[u8]) -> Result<Parts, String> {
    let (modules, originals) = (core_modules(snapshot)?, core_modules(plugin)?);
    if modules.len() != originals.len() {
        return Err("the snapshot has other modules than the plugin".to_owned());
    }
    let modules = modules.into_iter().zip(originals).map(|(module, original)| Parted::new(module, original));
    let modules: Vec<Parted> = modules.collect::<Result<_, _>>()?;
    let code = rewrite(snapshot, &modules)?;
    let states = modules.into_iter().filter_map(|module| Some(module.state?.module)).collect();
    Ok(Parts { code, states })
}

fn core_modules(component: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut modules = Vec::new();
    for payload in top_level(component) {
        match payload.map_err(text)? {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules.push(component.get(unchecked_range).unwrap_or_default());
            }
            Payload::CoreTypeSection(_) => return Err("it declares core types".to_owned()),
            _ => {}
        }
    }
    Ok(modules)
}

/// The sections of a component, not of what is inside it.
fn top_level(component: &[u8]) -> impl Iterator<Item = wasmparser::Result<Payload<'_>>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(component).filter(move |payload| {
        let is_top_level = depth == 0;
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_top_level
    })
}

fn rewrite(component: &[u8], modules: &[Parted]) -> Result<Vec<u8>, String> {
    let mut encoder = Component::new();
    let mut shift = Shift { states: modules.iter().map(|module| module.state.is_some()).collect() };
    import_states(&mut encoder, modules.iter().filter_map(|module| module.state.as_ref()));
    let mut modules = modules.iter();
    for payload in top_level(component) {
        let payload = payload.map_err(text)?;
        match &payload {
            Payload::ModuleSection { .. } => {
                let data = modules.next().map(|module| module.code.as_slice()).unwrap_or_default();
                encoder.section(&RawSection { id: wasm_encoder::ComponentSectionId::CoreModule.into(), data });
            }
            Payload::InstanceSection(_) | Payload::ComponentAliasSection(_) => {
                shift.parse_component_payload(&mut encoder, payload, component).map_err(text)?;
            }
            Payload::End(_) | Payload::Version { .. } => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    encoder.section(&RawSection { id, data: component.get(range).unwrap_or_default() });
                }
            }
        }
    }
    Ok(encoder.finish())
}

/// Imports each state and makes its instance, before everything else.
fn import_states<'a>(encoder: &mut Component, states: impl Iterator<Item = &'a ModuleState>) {
    let mut types = CoreTypeSection::new();
    let mut imports = ComponentImportSection::new();
    let mut instances = InstanceSection::new();
    for ((index, state), name) in (0_u32..).zip(states).zip((0..).map(name)) {
        let mut ty = ModuleType::new();
        for (name, export) in &state.exports {
            ty.export(name, *export);
        }
        types.ty().module(&ty);
        imports.import(&name, ComponentTypeRef::Module(index));
        instances.instantiate(index, std::iter::empty::<(&str, ModuleArg)>());
    }
    encoder.section(&types);
    encoder.section(&imports);
    encoder.section(&instances);
}

/// Makes room for the states at the front of the index spaces of modules and of their instances.
struct Shift {
    /// Whether each module has a state, in order.
    states: Vec<bool>,
}

impl Shift {
    fn count(&self, modules: usize) -> u32 {
        let states = self.states.iter().take(modules).filter(|has_state| **has_state).count();
        u32::try_from(states).unwrap_or(u32::MAX)
    }
}

impl Reencode for Shift {
    type Error = std::convert::Infallible;
}

impl ReencodeComponent for Shift {
    fn module_index(&mut self, module: u32) -> u32 {
        module.saturating_add(self.count(usize::MAX))
    }

    fn instance_index(&mut self, instance: u32) -> u32 {
        instance.saturating_add(self.count(usize::MAX))
    }

    fn parse_instance(
        &mut self,
        instances: &mut InstanceSection,
        instance: wasmparser::Instance<'_>,
    ) -> Result<(), Error> {
        let wasmparser::Instance::Instantiate { module_index, args } = instance else {
            return reencode::component_utils::parse_instance(self, instances, instance);
        };
        let mut args: Vec<(&str, ModuleArg)> =
            args.iter().map(|arg| (arg.name, ModuleArg::Instance(self.instance_index(arg.index)))).collect();
        let index = module_index as usize;
        if self.states.get(index).copied().unwrap_or_default() {
            args.push((STATE, ModuleArg::Instance(self.count(index))));
        }
        instances.instantiate(self.module_index(module_index), args);
        Ok(())
    }
}

/// A module in two parts.
struct Parted {
    code: Vec<u8>,
    /// None for a module that has no state: it is as it was.
    state: Option<ModuleState>,
}

struct ModuleState {
    module: Vec<u8>,
    /// What it exports, in the order in which the code imports it. A memory has the size there that the plugin gave it,
    /// and not the one of the snapshot, so that the code is the same for every state.
    exports: Vec<(String, EntityType)>,
}

impl Parted {
    fn new(module: &[u8], original: &[u8]) -> Result<Self, String> {
        let state = ModuleState::of(module, &memories(original)?)?;
        let code = match &state {
            Some(state) => code(module, &state.exports)?,
            None => module.to_vec(),
        };
        Ok(Self { code, state })
    }
}

impl ModuleState {
    fn of(module: &[u8], originals: &[MemoryType]) -> Result<Option<Self>, String> {
        let (mut memories, mut globals, mut data) = (MemorySection::new(), GlobalSection::new(), DataSection::new());
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
                            data.active(index, &constant(&offset_expr)?, segment.data.iter().copied());
                        }
                    }
                }
                _ => {}
            }
        }
        if exports.is_empty() {
            return Ok(None);
        }
        let mut state = Module::new();
        state.section(&memories).section(&globals).section(&names).section(&data);
        Ok(Some(Self { module: state.finish(), exports }))
    }
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
