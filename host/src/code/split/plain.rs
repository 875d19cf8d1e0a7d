//! Components that can be split: each module of theirs with state is instantiated once, by the component itself.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Instance,
    Parser, Payload, Validator, WasmFeatures,
};

use super::sections::top_level;
use crate::engine::config::MEMORIES_PER_PLUGIN;
use crate::guest::reason::Reason;

/// The parts of an instance that take places in a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Needs {
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

/// Checks that the instances of a component are those of its own modules, each module with a state instantiated once, and
/// returns their needs. `states` says of each module whether it has a state. The error says what is in the way.
pub(super) fn needs(component: &[u8], modules: &[&[u8]], states: &[bool]) -> Result<Needs, Reason> {
    let mut counts = vec![0_usize; modules.len()];
    for payload in top_level(component) {
        match payload? {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    if let ComponentTypeRef::Module(_) = import?.ty {
                        return Err("it imports a module".into());
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if let ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. }
                    | ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } = alias?
                    {
                        return Err("it takes a module from another component".into());
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    if export?.kind == ComponentExternalKind::Module {
                        return Err("it exports a module".into());
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if passes_module(&instance?) {
                        return Err("it passes a module to another component".into());
                    }
                }
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                nested(component.get(unchecked_range).unwrap_or_default())?;
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let count = counts.get_mut(module_index as usize).ok_or("a module does not exist")?;
                        *count += 1;
                    }
                }
            }
            _ => {}
        }
    }
    let mut needs = Needs::default();
    for ((module, count), has_state) in modules.iter().zip(counts).zip(states) {
        // The state of a module is instantiated once in any case.
        if count != 1 && *has_state {
            return Err("a module with state is not instantiated, or more than once".into());
        }
        let times = u32::try_from(count).unwrap_or(u32::MAX);
        let Needs { memories, tables } = of_module(module)?;
        needs.memories = needs.memories.saturating_add(memories.saturating_mul(times));
        needs.tables = needs.tables.saturating_add(tables.saturating_mul(times));
    }
    // The pool counts the memories of a component that is compiled as a whole, and not those of the states.
    if needs.memories > MEMORIES_PER_PLUGIN {
        return Err("it has more memories than a plugin may have".into());
    }
    Ok(needs)
}

/// Whether an instance is given a module, or exports one.
fn passes_module(instance: &ComponentInstance<'_>) -> bool {
    let is_module = |kind: ComponentExternalKind| kind == ComponentExternalKind::Module;
    match instance {
        ComponentInstance::Instantiate { args, .. } => args.iter().any(|arg| is_module(arg.kind)),
        ComponentInstance::FromExports(exports) => exports.iter().any(|export| is_module(export.kind)),
    }
}

/// Rejects a nested component that has modules: it could instantiate them any number of times.
fn nested(component: &[u8]) -> Result<(), Reason> {
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } => return Err("a nested component has modules".into()),
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if let ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } = alias? {
                        return Err("a nested component takes a module".into());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn of_module(module: &[u8]) -> Result<Needs, Reason> {
    let mut needs = Needs::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::MemorySection(section) => needs.memories = section.count(),
            Payload::TableSection(section) => needs.tables = section.count(),
            _ => {}
        }
    }
    Ok(needs)
}

/// Validates everything of a component but the bodies of its functions, which stay as they are in its code, where the
/// compiler validates them.
pub(super) fn validate_around_functions(component: &[u8]) -> Result<(), Reason> {
    // Compact imports are written in their long form, which the compiler would accept.
    let features = WasmFeatures::all().difference(WasmFeatures::COMPACT_IMPORTS);
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(component) {
        validator.payload(&payload?)?;
    }
    Ok(())
}
