//! The core modules of a component, their instances, and where each thing that one has from another comes from.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType, Import,
    Instance as CoreInstance, Parser, Payload,
};

use super::places::Kind;

/// The core index spaces of a component.
#[derive(Default)]
pub(super) struct Graph<'a> {
    modules: Vec<&'a [u8]>,
    pub(super) instances: Vec<Instance<'a>>,
    spaces: BTreeMap<Kind, Vec<Origin<'a>>>,
}

pub(super) enum Instance<'a> {
    /// Of a module, with an instance for each name that it imports from.
    OfModule { module: usize, arguments: Vec<(&'a str, u32)> },
    /// Of nothing: names for what is there already.
    OfExports(Vec<(&'a str, Kind, u32)>),
}

/// Where something in a core index space comes from.
pub(super) enum Origin<'a> {
    Export { instance: u32, name: &'a str },
    Canonical(CanonicalFunction),
}

/// The same, with every detour taken: of an instance of a module, or the number of a canonical function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source<'a> {
    Export { instance: u32, name: &'a str },
    Canonical(u32),
}

impl<'a> Graph<'a> {
    pub(super) fn read(component: &'a [u8]) -> Result<Self> {
        let mut graph = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::ModuleSection { unchecked_range, .. } => {
                    ensure!(depth == 0, "a component inside it has modules of its own");
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
                        ensure!(!is_core, "a component inside it reaches for its modules");
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

    /// What has an index in the space of its kind.
    pub(super) fn origin(&self, kind: Kind, index: u32) -> Result<&Origin<'a>> {
        match self.spaces.get(&kind).and_then(|space| space.get(index as usize)) {
            Some(origin) => Ok(origin),
            None => bail!("{kind:?} {index} is nowhere"),
        }
    }

    /// Where that comes from in the end.
    pub(super) fn source(&self, kind: Kind, index: u32) -> Result<Source<'a>> {
        match self.origin(kind, index)? {
            Origin::Canonical(_) => Ok(Source::Canonical(index)),
            Origin::Export { instance, name } => self.export(*instance, name),
        }
    }

    /// What an instance exports under a name.
    fn export(&self, instance: u32, name: &'a str) -> Result<Source<'a>> {
        match self.instance(instance)? {
            Instance::OfModule { .. } => Ok(Source::Export { instance, name }),
            Instance::OfExports(exports) => {
                let Some((_, kind, index)) = exports.iter().find(|export| export.0 == name) else {
                    bail!("an instance has no `{name}`")
                };
                self.source(*kind, *index)
            }
        }
    }

    pub(super) fn instance(&self, index: u32) -> Result<&Instance<'a>> {
        match self.instances.get(index as usize) {
            Some(instance) => Ok(instance),
            None => bail!("core instance {index} is nowhere"),
        }
    }

    /// The module of an instance, and what each of its imports is.
    pub(super) fn imports(&self, instance: u32) -> Result<Vec<(Import<'a>, Source<'a>)>> {
        let Instance::OfModule { module, arguments } = self.instance(instance)? else { return Ok(Vec::new()) };
        let mut imports = Vec::new();
        for payload in Parser::new(0).parse_all(self.module(*module)?) {
            let Payload::ImportSection(section) = payload? else { continue };
            for import in section.into_imports() {
                let import = import?;
                let Some((_, argument)) = arguments.iter().find(|argument| argument.0 == import.module) else {
                    bail!("nothing is given for `{}`", import.module)
                };
                imports.push((import, self.export(*argument, import.name)?));
            }
        }
        Ok(imports)
    }

    pub(super) fn module(&self, index: usize) -> Result<&'a [u8]> {
        match self.modules.get(index) {
            Some(module) => Ok(module),
            None => bail!("module {index} is nowhere"),
        }
    }
}
