//! Splitting a component into code and states: the code is compiled once and serves any number of states.
//!
//! The plugins of one language runtime differ only in their states, and so do the images of a plugin.
//!
//! Every memory that a module defines, and every global that can change, becomes an import of the module, at the same
//! index, so that no function has to be changed. Their content becomes a module without functions: a state. The
//! component imports the states, instantiates them, and passes the instances to its own modules.

mod data;
mod globals;
mod module;
mod plain;
mod sections;
mod segments;

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, CoreTypeSection, InstanceSection, ModuleArg, ModuleType,
    RawSection,
};
use wasmparser::Payload;

use self::data::MemoryInit;
pub(crate) use self::data::SplitOf;
use self::module::{ModuleState, STATE, SplitModule, imported_pages};
pub(crate) use self::plain::Needs;
use self::plain::{needs, validate_around_functions};
use self::sections::{core_modules, top_level};
use crate::guest::reason::Reason;

/// A component, split into code and states.
pub(crate) struct Split {
    /// The code: a component that imports its states as modules.
    pub(crate) code: Vec<u8>,
    /// The modules that it imports, in order; see [`state_name`].
    pub(crate) states: Vec<Vec<u8>>,
    /// The needs of an instance.
    pub(crate) needs: Needs,
}

/// The name under which the code imports a state.
pub(super) fn state_name(state: usize) -> String {
    format!("guardhouse-state-{state}")
}

type Error = reencode::Error<std::convert::Infallible>;

/// Splits a component, whose functions need not be valid: the compiler of the code validates them. The error says what
/// cannot be split: the component may be valid all the same.
pub(crate) fn split(component: &[u8], of: SplitOf) -> Result<Split, Reason> {
    validate_around_functions(component)?;
    let modules = core_modules(component)?;
    let mut imported = 0;
    for module in &modules {
        imported = imported.max(imported_pages(module)?);
    }
    let init = MemoryInit::of(&modules, of)?;
    let split = modules.iter().map(|module| SplitModule::new(module, imported, init));
    let split: Vec<SplitModule> = split.collect::<Result<_, _>>()?;
    let has_state: Vec<bool> = split.iter().map(|module| module.state.is_some()).collect();
    let needs = needs(component, &modules, &has_state)?;
    let code = rewrite(component, &split)?;
    let states = split.into_iter().filter_map(|module| Some(module.state?.module)).collect();
    Ok(Split { code, states, needs })
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
            // The name and the origin of a plugin would make its code differ from that of others.
            Payload::End(_) | Payload::Version { .. } | Payload::CustomSection(_) => {}
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

#[cfg(test)]
mod tests;
