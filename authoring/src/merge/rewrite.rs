//! Rewrites the component around the merged module.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentSectionId, ExportKind, InstanceSection,
    ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, Payload};

use super::encode::{IMPORTS, encode, export_name};
use super::graph::{Graph, Instance, Origin, Source};
use super::kind::Kind;
use super::merged::Merged;
use super::top_level::top_level;

/// Replaces the members in a component by the merged module. The imports and exports of the component and the other
/// instances stay as they are. Modules, instances and functions are written when they are first needed, so that those
/// which only the members needed are left out.
pub(super) fn rewrite(component: &[u8], graph: &Graph<'_>, merged: &Merged<'_>) -> Result<Vec<u8>> {
    let mut rewriter = Rewriter {
        graph,
        merged,
        prefix: None,
        component: Component::new(),
        exports: BTreeSet::new(),
        indices: BTreeMap::new(),
        counts: BTreeMap::new(),
        instances: BTreeMap::new(),
        instance_count: 0,
        merged_instance: None,
        modules: BTreeMap::new(),
        module_count: 0,
        seen_functions: 0,
        seen_instances: 0,
    };
    for payload in top_level(component) {
        rewriter.payload(component, payload?).map_err(|error| anyhow!("{error}"))?;
    }
    rewriter.finish()
}

type Error = reencode::Error<RewriteError>;

/// The reason why a component cannot be rewritten.
#[derive(Debug)]
struct RewriteError(anyhow::Error);

impl std::fmt::Display for RewriteError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

impl std::error::Error for RewriteError {}

fn rewrite_error(error: anyhow::Error) -> Error {
    reencode::Error::UserError(RewriteError(error))
}

struct Rewriter<'a> {
    graph: &'a Graph<'a>,
    merged: &'a Merged<'a>,
    /// The component up to the merged module, which is encoded last, because only then its exports are known.
    prefix: Option<Vec<u8>>,
    /// The component from the merged module on; before that module is reached, the component from its start.
    component: Component,
    /// The definitions that the merged module must export.
    exports: BTreeSet<(Kind, u32)>,
    /// The new index of each definition that was written.
    indices: BTreeMap<(Kind, Source<'a>), u32>,
    counts: BTreeMap<Kind, u32>,
    /// The new index of each instance that was written, by its old one; the same for modules.
    instances: BTreeMap<u32, u32>,
    instance_count: u32,
    merged_instance: Option<u32>,
    modules: BTreeMap<usize, u32>,
    module_count: u32,
    /// The number of core functions read so far. Later ones may depend on instances that do not exist yet.
    seen_functions: u32,
    seen_instances: u32,
}

impl<'a> Rewriter<'a> {
    /// Writes the new form of one part of the component.
    fn payload(&mut self, component: &[u8], payload: Payload<'_>) -> Result<(), Error> {
        match payload {
            // Modules are written where they are needed.
            Payload::ModuleSection { .. } => {}
            Payload::InstanceSection(section) => {
                for _ in section {
                    let instance = self.seen_instances;
                    self.seen_instances += 1;
                    let is_of_module = matches!(self.graph.instance(instance), Ok(Instance::OfModule { .. }));
                    // An instance may be needed only for the effect of its instantiation, which is to fill in the
                    // host's functions.
                    if is_of_module && !self.merged.members.contains_key(&instance) {
                        self.instance(instance)?;
                    }
                }
            }
            // The names would refer to old indices.
            Payload::CustomSection(section) if section.name() == "component-name" => {}
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    match alias? {
                        ComponentAlias::CoreInstanceExport { kind, .. } => {
                            self.seen_functions += u32::from(Kind::from(kind) == Kind::Function);
                        }
                        alias => {
                            let mut section = ComponentAliasSection::new();
                            section.alias(self.component_alias(alias)?);
                            self.component.section(&section);
                        }
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    match function? {
                        function @ CanonicalFunction::Lift { .. } => self.canonical(function)?,
                        _ => self.seen_functions += 1,
                    }
                }
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let data = component.get(unchecked_range).unwrap_or_default();
                self.component.section(&RawSection { id: ComponentSectionId::Component.into(), data });
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let data = component.get(range).unwrap_or_default();
                    self.component.section(&RawSection { id, data });
                }
            }
        }
        Ok(())
    }

    /// Writes a function of the canonical ABI.
    fn canonical(&mut self, function: CanonicalFunction) -> Result<(), Error> {
        let mut section = CanonicalFunctionSection::new();
        self.parse_component_canonical(&mut section, function)?;
        self.component.section(&section);
        Ok(())
    }

    /// The new index of an entry of an index space.
    fn new_index(&mut self, kind: Kind, index: u32) -> Result<u32, Error> {
        let source = self.graph.source(kind, index).map_err(rewrite_error)?;
        self.index_of(kind, source)
    }

    /// The new index of a definition, which is written if it was not yet.
    fn index_of(&mut self, kind: Kind, source: Source<'a>) -> Result<u32, Error> {
        if let Some(index) = self.indices.get(&(kind, source)) {
            return Ok(*index);
        }
        match source {
            Source::Canonical(index) if index >= self.seen_functions => {
                return Err(rewrite_error(anyhow!(
                    "a library imports a function that is created after the library is used"
                )));
            }
            Source::Canonical(index) => {
                let origin = self.graph.origin(Kind::Function, index).map_err(rewrite_error)?;
                if let Origin::Canonical(function) = origin {
                    self.canonical(function.clone())?;
                }
            }
            Source::Export { instance, name } => {
                let (instance, name) = if self.merged.members.contains_key(&instance) {
                    let (kind, index) = self.merged.export(instance, name).map_err(rewrite_error)?;
                    self.exports.insert((kind, index));
                    (self.merged_instance()?, export_name(kind, index))
                } else {
                    (self.instance(instance)?, name.to_owned())
                };
                let mut section = ComponentAliasSection::new();
                section.alias(Alias::CoreInstanceExport { instance, kind: kind.into(), name: &name });
                self.component.section(&section);
            }
        }
        let count = self.counts.entry(kind).or_default();
        let index = *count;
        *count += 1;
        self.indices.insert((kind, source), index);
        Ok(index)
    }

    /// The new index of an instance that is not a member, which is written if it was not yet.
    fn instance(&mut self, instance: u32) -> Result<u32, Error> {
        if let Some(index) = self.instances.get(&instance) {
            return Ok(*index);
        }
        let Instance::OfModule { module, .. } = self.graph.instance(instance).map_err(rewrite_error)? else {
            return Err(rewrite_error(anyhow!("core instance {instance} is not an instance of a module")));
        };
        let mut names: BTreeMap<&str, BTreeMap<String, (ExportKind, u32)>> = BTreeMap::new();
        for (import, source) in self.graph.imports(instance).map_err(rewrite_error)? {
            let kind = Kind::from(import.ty);
            let index = self.index_of(kind, source)?;
            names.entry(import.module).or_default().insert(import.name.to_owned(), (kind.into(), index));
        }
        let names = names.into_iter().map(|(name, exports)| (name, self.exports(exports))).collect();
        let module = self.module(*module)?;
        let index = self.instantiate(module, names);
        self.instances.insert(instance, index);
        Ok(index)
    }

    /// The index of the merged module's instance. Its imports are written before it.
    fn merged_instance(&mut self) -> Result<u32, Error> {
        if let Some(index) = self.merged_instance {
            return Ok(index);
        }
        let mut names = BTreeMap::new();
        for (name, import) in self.merged.imports.iter().enumerate() {
            let index = self.index_of(import.kind, import.source)?;
            names.insert(name.to_string(), (import.kind.into(), index));
        }
        self.prefix = Some(std::mem::take(&mut self.component).finish());
        let imports = if names.is_empty() { Vec::new() } else { vec![(IMPORTS, self.exports(names))] };
        let module = self.module_count;
        self.module_count += 1;
        let index = self.instantiate(module, imports);
        self.merged_instance = Some(index);
        Ok(index)
    }

    /// The new index of a module, which is written if it was not yet.
    fn module(&mut self, module: usize) -> Result<u32, Error> {
        if let Some(index) = self.modules.get(&module) {
            return Ok(*index);
        }
        let data = self.graph.module(module).map_err(rewrite_error)?;
        self.component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data });
        let index = self.module_count;
        self.module_count += 1;
        self.modules.insert(module, index);
        Ok(index)
    }

    /// Writes an instance that consists of names for definitions.
    fn exports(&mut self, exports: BTreeMap<String, (ExportKind, u32)>) -> u32 {
        let mut section = InstanceSection::new();
        section.export_items(exports.iter().map(|(name, (kind, index))| (name.as_str(), *kind, *index)));
        self.add_instance(&section)
    }

    /// Writes an instance of a module.
    fn instantiate(&mut self, module: u32, names: Vec<(&str, u32)>) -> u32 {
        let mut section = InstanceSection::new();
        section.instantiate(module, names.into_iter().map(|(name, index)| (name, ModuleArg::Instance(index))));
        self.add_instance(&section)
    }

    fn add_instance(&mut self, section: &InstanceSection) -> u32 {
        self.component.section(section);
        let index = self.instance_count;
        self.instance_count += 1;
        index
    }

    /// Puts the merged module between the two parts of the component.
    fn finish(self) -> Result<Vec<u8>> {
        let mut bytes = self.prefix.context("the component uses none of them")?;
        let header = Component::HEADER.len();
        let mut module = Component::new();
        let data = encode(self.merged, &self.exports)?;
        module.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: &data });
        for part in [module, self.component] {
            bytes.extend_from_slice(part.finish().get(header..).unwrap_or_default());
        }
        Ok(bytes)
    }
}

impl Reencode for Rewriter<'_> {
    type Error = RewriteError;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        self.new_index(Kind::Function, function)
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32, Error> {
        self.new_index(Kind::Memory, memory)
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error> {
        self.new_index(Kind::Table, table)
    }
}

impl ReencodeComponent for Rewriter<'_> {}
