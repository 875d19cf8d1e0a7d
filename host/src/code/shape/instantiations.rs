//! The number of instances that one instance of a plugin consists of. A component may instantiate another one many
//! times, and the compiler inlines every instantiation: in a file of a kilobyte, each level of nesting can multiply the
//! result by ten.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Instance,
    Payload, Result,
};

/// The cost of a component whose content is unknown: one that is imported, or that an instance exports.
const UNKNOWN: usize = usize::MAX;

/// The count of instantiations, updated while a plugin is parsed.
#[derive(Default)]
pub(super) struct Instantiations(Vec<Level>);

/// A component that is being parsed, or a module inside one.
#[derive(Default)]
struct Level {
    /// The cost of each component that it can instantiate, by the index of the component.
    components: Vec<usize>,
    /// The number of instances that it consists of.
    cost: usize,
    is_module: bool,
}

impl Instantiations {
    /// Counts the next part of the plugin, and returns the count so far.
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> Result<usize> {
        match payload {
            Payload::Version { .. } if self.0.is_empty() => self.0.push(Level::default()),
            Payload::ModuleSection { .. } => self.0.push(Level { is_module: true, ..Level::default() }),
            Payload::ComponentSection { .. } => self.0.push(Level::default()),
            Payload::End(_) if self.0.len() > 1 => self.end(),
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { .. } = instance? {
                        self.spend(1);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.spend(self.cost_of(0, component_index).saturating_add(1));
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias? {
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                            self.know(self.cost_of(count, index));
                        }
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                            self.know(UNKNOWN);
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        self.know(UNKNOWN);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        self.know(self.cost_of(0, export.index));
                    }
                }
            }
            _ => {}
        }
        Ok(self.0.first().map_or(0, |root| root.cost))
    }

    fn end(&mut self) {
        if let Some(Level { cost, is_module: false, .. }) = self.0.pop() {
            self.know(cost);
        }
    }

    fn know(&mut self, cost: usize) {
        if let Some(level) = self.0.last_mut() {
            level.components.push(cost);
        }
    }

    fn spend(&mut self, cost: usize) {
        if let Some(level) = self.0.last_mut() {
            level.cost = level.cost.saturating_add(cost);
        }
    }

    /// The cost of a component, by its index in the component that is `up` levels above.
    fn cost_of(&self, up: u32, index: u32) -> usize {
        let level = self.0.iter().rev().nth(up as usize);
        level.and_then(|level| level.components.get(index as usize)).copied().unwrap_or(UNKNOWN)
    }
}
