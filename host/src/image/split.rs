//! Splitting a component into code and states: the code is compiled once and serves any number of states.
//!
//! Every memory and every global that a module defines becomes an import of the module, at the same index, so that no
//! function has to be changed. Their content becomes a module without functions: a state. The component imports the
//! states, instantiates them, and passes the instances to its own modules.

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, CoreTypeSection, InstanceSection, ModuleArg, ModuleType,
    RawSection,
};
use wasmparser::{Parser, Payload};

use super::split_module::{ModuleState, STATE, SplitModule};
use crate::guest::reason::Reason;

/// A component, split into code and states.
pub(super) struct Split {
    /// The code: a component that imports its states as modules.
    pub(super) code: Vec<u8>,
    /// The modules that it imports, in order; see [`state_name`].
    pub(super) states: Vec<Vec<u8>>,
}

/// The name under which the code imports a state.
pub(super) fn state_name(state: usize) -> String {
    format!("guardhouse-state-{state}")
}

type Error = reencode::Error<std::convert::Infallible>;

/// Splits the snapshot of a plugin. The modules of the snapshot are those of the plugin, in the same order, and each is
/// instantiated once. The error says what cannot be split: the plugin is valid, but gets no image.
pub(super) fn split(snapshot: &[u8], plugin: &[u8]) -> Result<Split, Reason> {
    let (modules, originals) = (core_modules(snapshot)?, core_modules(plugin)?);
    if modules.len() != originals.len() {
        return Err("the snapshot has other modules than the plugin".into());
    }
    let modules = modules.into_iter().zip(originals).map(|(module, original)| SplitModule::new(module, original));
    let modules: Vec<SplitModule> = modules.collect::<Result<_, _>>()?;
    let code = rewrite(snapshot, &modules)?;
    let states = modules.into_iter().filter_map(|module| Some(module.state?.module)).collect();
    Ok(Split { code, states })
}

fn core_modules(component: &[u8]) -> Result<Vec<&[u8]>, Reason> {
    let mut modules = Vec::new();
    for payload in top_level(component) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules.push(component.get(unchecked_range).unwrap_or_default());
            }
            Payload::CoreTypeSection(_) => return Err("it declares core types".into()),
            _ => {}
        }
    }
    Ok(modules)
}

/// The sections of a component, without those of nested modules and components.
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

/// Writes the code: the component with its states imported, and its modules replaced by those without state.
fn rewrite(component: &[u8], modules: &[SplitModule]) -> Result<Vec<u8>, Reason> {
    let mut encoder = Component::new();
    let mut shift = Shift { states: modules.iter().map(|module| module.state.is_some()).collect() };
    import_states(&mut encoder, modules.iter().filter_map(|module| module.state.as_ref()));
    let mut modules = modules.iter();
    for payload in top_level(component) {
        let payload = payload?;
        match &payload {
            Payload::ModuleSection { .. } => {
                let data = modules.next().map(|module| module.code.as_slice()).unwrap_or_default();
                encoder.section(&RawSection { id: wasm_encoder::ComponentSectionId::CoreModule.into(), data });
            }
            Payload::InstanceSection(_) | Payload::ComponentAliasSection(_) => {
                let shifted = shift.parse_component_payload(&mut encoder, payload, component);
                shifted.map_err(|error| error.to_string())?;
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

/// Imports and instantiates each state, before everything else.
fn import_states<'a>(encoder: &mut Component, states: impl Iterator<Item = &'a ModuleState>) {
    let mut types = CoreTypeSection::new();
    let mut imports = ComponentImportSection::new();
    let mut instances = InstanceSection::new();
    for ((index, state), name) in (0_u32..).zip(states).zip((0..).map(state_name)) {
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

/// Shifts the indices of modules and of their instances, because the states come first.
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
