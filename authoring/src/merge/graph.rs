//! The core modules of a component, their instances, and the source of everything that one imports from another.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType, Import,
    Instance as CoreInstance, Parser, Payload,
};

use super::kind::Kind;

/// The core index spaces of a component.
#[derive(Default)]
pub(super) struct Graph<'a> {
    modules: Vec<&'a [u8]>,
    pub(super) instances: Vec<Instance<'a>>,
    spaces: BTreeMap<Kind, Vec<Origin<'a>>>,
}

/// A core instance.
pub(super) enum Instance<'a> {
    /// An instance of a module, with an instance for each module name that it imports from.
    OfModule { module: usize, arguments: Vec<(&'a str, u32)> },
    /// An instance without a module: names for definitions of other instances.
    OfExports(Vec<(&'a str, Kind, u32)>),
}

/// The target of an entry of a core index space.
pub(super) enum Origin<'a> {
    Export { instance: u32, name: &'a str },
    Canonical(CanonicalFunction),
}

/// The definition at the end of the chain of targets of an entry: an export of an instance of a module, or a function
/// of the canonical ABI, by its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source<'a> {
    Export { instance: u32, name: &'a str },
    Canonical(u32),
}

impl<'a> Graph<'a> {
    /// Reads a component.
    pub(super) fn read(component: &'a [u8]) -> Result<Self> {
        let mut graph = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::ModuleSection { unchecked_range, .. } => {
                    ensure!(depth == 0, "it contains a component with modules");
                    graph.modules.push(component.get(unchecked_range).unwrap_or_default());
                    depth += 1;
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentAliasSection(section) if depth > 0 => {
                    for alias in section {
                        let ComponentAlias::Outer { kind, .. } = alias? else { continue };
                        let is_core =
                            matches!(kind, ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::CoreType);
                        ensure!(!is_core, "it contains a component that uses the modules of the outer one");
                    }
                }
                payload if depth == 0 => graph.add(payload)?,
                _ => {}
            }
        }
        Ok(graph)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instances.push(match instance? {
                        CoreInstance::Instantiate { module_index, args } => Instance::OfModule {
                            module: module_index as usize,
                            arguments: args.iter().map(|argument| (argument.name, argument.index)).collect(),
                        },
                        CoreInstance::FromExports(exports) => Instance::OfExports(
                            exports.iter().map(|export| (export.name, export.kind.into(), export.index)).collect(),
                        ),
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if let ComponentAlias::CoreInstanceExport { kind, instance_index, name } = alias? {
                        let origin = Origin::Export { instance: instance_index, name };
                        self.spaces.entry(kind.into()).or_default().push(origin);
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    let function = function?;
                    if !matches!(function, CanonicalFunction::Lift { .. }) {
                        self.spaces.entry(Kind::Function).or_default().push(Origin::Canonical(function));
                    }
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    let has_destructor = matches!(ty?, ComponentType::Resource { dtor: Some(_), .. });
                    ensure!(!has_destructor, "it has resources with destructors");
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    ensure!(export?.kind != ComponentExternalKind::Module, "it exports a module");
                }
            }
            Payload::CoreTypeSection(_) => bail!("it declares core types"),
            Payload::ComponentStartSection { .. } => bail!("it has a start function"),
            _ => {}
        }
        Ok(())
    }

    /// The entry of an index space.
    pub(super) fn origin(&self, kind: Kind, index: u32) -> Result<&Origin<'a>> {
        match self.spaces.get(&kind).and_then(|space| space.get(index as usize)) {
            Some(origin) => Ok(origin),
            None => bail!("core {} {index} does not exist", kind.word()),
        }
    }

    /// The definition that an entry of an index space refers to.
    pub(super) fn source(&self, kind: Kind, index: u32) -> Result<Source<'a>> {
        match self.origin(kind, index)? {
            Origin::Canonical(_) => Ok(Source::Canonical(index)),
            Origin::Export { instance, name } => self.export(*instance, name),
        }
    }

    /// The definition that an instance exports under a name.
    fn export(&self, instance: u32, name: &'a str) -> Result<Source<'a>> {
        match self.instance(instance)? {
            Instance::OfModule { .. } => Ok(Source::Export { instance, name }),
            Instance::OfExports(exports) => {
                let Some((_, kind, index)) = exports.iter().find(|export| export.0 == name) else {
                    bail!("core instance {instance} has no export `{name}`")
                };
                self.source(*kind, *index)
            }
        }
    }

    /// A core instance by its index.
    pub(super) fn instance(&self, index: u32) -> Result<&Instance<'a>> {
        match self.instances.get(index as usize) {
            Some(instance) => Ok(instance),
            None => bail!("core instance {index} does not exist"),
        }
    }

    /// The imports of an instance's module, each with the definition that it is given.
    pub(super) fn imports(&self, instance: u32) -> Result<Vec<(Import<'a>, Source<'a>)>> {
        let Instance::OfModule { module, arguments } = self.instance(instance)? else { return Ok(Vec::new()) };
        let mut imports = Vec::new();
        for payload in Parser::new(0).parse_all(self.module(*module)?) {
            let Payload::ImportSection(section) = payload? else { continue };
            for import in section.into_imports() {
                let import = import?;
                let Some((_, argument)) = arguments.iter().find(|argument| argument.0 == import.module) else {
                    bail!("core instance {instance} has no argument `{}`", import.module)
                };
                imports.push((import, self.export(*argument, import.name)?));
            }
        }
        Ok(imports)
    }

    /// The bytes of a core module.
    pub(super) fn module(&self, index: usize) -> Result<&'a [u8]> {
        match self.modules.get(index) {
            Some(module) => Ok(module),
            None => bail!("core module {index} does not exist"),
        }
    }
}
