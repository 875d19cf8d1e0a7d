//! The component around a merged module.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentSectionId, ExportKind, InstanceSection,
    ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, ComponentAlias, Parser, Payload};

use super::encode::{OTHERS, encode, export_name};
use super::graph::{Graph, Instance, Origin, Source};
use super::module::Merged;
use super::places::Kind;

/// The component with the merged module in the place of its members. What the outside sees stays as it is, and so do
/// the instances that are no members. What they share is made when it is first needed, so that nothing is left of what
/// only the members needed.
pub(super) fn rewrite(component: &[u8], graph: &Graph<'_>, merged: &Merged<'_>) -> Result<Vec<u8>> {
    let mut rewriter = Rewriter {
        graph,
        merged,
        before: None,
        component: Component::new(),
        exports: BTreeSet::new(),
        found: BTreeMap::new(),
        counts: BTreeMap::new(),
        instances: BTreeMap::new(),
        instance_count: 0,
        merged_at: None,
        modules: BTreeMap::new(),
        module_count: 0,
        passed_functions: 0,
        passed_instances: 0,
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let is_top_level = depth == 0;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if is_top_level {
            rewriter.payload(component, payload).map_err(|error| anyhow!("{error}"))?;
        }
    }
    rewriter.finish()
}

type Error = reencode::Error<Refused>;

/// Why a component cannot be rewritten.
#[derive(Debug)]
struct Refused(anyhow::Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

impl std::error::Error for Refused {}

fn refused(error: anyhow::Error) -> Error {
    reencode::Error::UserError(Refused(error))
}

struct Rewriter<'a> {
    graph: &'a Graph<'a>,
    merged: &'a Merged<'a>,
    /// What comes before the merged module, which is encoded last: it exports what was asked of it.
    before: Option<Vec<u8>>,
    component: Component,
    exports: BTreeSet<(Kind, u32)>,
    /// What is there already: by where it comes from, its index.
    found: BTreeMap<(Kind, Source<'a>), u32>,
    counts: BTreeMap<Kind, u32>,
    instances: BTreeMap<u32, u32>,
    instance_count: u32,
    merged_at: Option<u32>,
    modules: BTreeMap<usize, u32>,
    module_count: u32,
    /// How many of the functions that the canonical ABI makes have been come by: others may need what is not there yet.
    passed_functions: u32,
    passed_instances: u32,
}

impl<'a> Rewriter<'a> {
    fn payload(&mut self, component: &[u8], payload: Payload<'_>) -> Result<(), Error> {
        match payload {
            // They are put where they are needed.
            Payload::ModuleSection { .. } => {}
            Payload::InstanceSection(section) => {
                for _ in section {
                    let instance = self.passed_instances;
                    self.passed_instances += 1;
                    let is_of_module = matches!(self.graph.instance(instance), Ok(Instance::OfModule { .. }));
                    // What fills in the functions of the host does so when it is instantiated, and has nothing else.
                    if is_of_module && !self.merged.members.contains_key(&instance) {
                        self.instance(instance)?;
                    }
                }
            }
            // It would name what is not there any more.
            Payload::CustomSection(section) if section.name() == "component-name" => {}
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    match alias? {
                        ComponentAlias::CoreInstanceExport { kind, .. } => {
                            self.passed_functions += u32::from(Kind::from(kind) == Kind::Function);
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
                        _ => self.passed_functions += 1,
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

    fn canonical(&mut self, function: CanonicalFunction) -> Result<(), Error> {
        let mut section = CanonicalFunctionSection::new();
        self.parse_component_canonical(&mut section, function)?;
        self.component.section(&section);
        Ok(())
    }

    /// The index of what had another in the component as it was.
    fn index(&mut self, kind: Kind, index: u32) -> Result<u32, Error> {
        let source = self.graph.source(kind, index).map_err(refused)?;
        self.find(kind, source)
    }

    fn find(&mut self, kind: Kind, source: Source<'a>) -> Result<u32, Error> {
        if let Some(index) = self.found.get(&(kind, source)) {
            return Ok(*index);
        }
        match source {
            Source::Canonical(index) if index >= self.passed_functions => {
                return Err(refused(anyhow!(
                    "a library needs a function that is made after another needs the library"
                )));
            }
            Source::Canonical(index) => {
                let origin = self.graph.origin(Kind::Function, index).map_err(refused)?;
                if let Origin::Canonical(function) = origin {
                    self.canonical(function.clone())?;
                }
            }
            Source::Export { instance, name } => {
                let (instance, name) = if self.merged.members.contains_key(&instance) {
                    let (kind, place) = self.merged.export(instance, name).map_err(refused)?;
                    self.exports.insert((kind, place));
                    (self.merged_instance()?, export_name(kind, place))
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
        self.found.insert((kind, source), index);
        Ok(index)
    }

    /// An instance that is no member.
    fn instance(&mut self, instance: u32) -> Result<u32, Error> {
        if let Some(index) = self.instances.get(&instance) {
            return Ok(*index);
        }
        let Instance::OfModule { module, .. } = self.graph.instance(instance).map_err(refused)? else {
            return Err(refused(anyhow!("core instance {instance} is of no module")));
        };
        let mut names: BTreeMap<&str, BTreeMap<String, (ExportKind, u32)>> = BTreeMap::new();
        for (import, source) in self.graph.imports(instance).map_err(refused)? {
            let kind = Kind::from(import.ty);
            let index = self.find(kind, source)?;
            names.entry(import.module).or_default().insert(import.name.to_owned(), (kind.into(), index));
        }
        let names = names.into_iter().map(|(name, exports)| (name, self.exports(exports))).collect();
        let module = self.module(*module)?;
        let index = self.instantiate(module, names);
        self.instances.insert(instance, index);
        Ok(index)
    }

    fn merged_instance(&mut self) -> Result<u32, Error> {
        if let Some(index) = self.merged_at {
            return Ok(index);
        }
        let mut names = BTreeMap::new();
        for (number, other) in self.merged.others.iter().enumerate() {
            let index = self.find(other.kind, other.source)?;
            names.insert(number.to_string(), (other.kind.into(), index));
        }
        self.before = Some(std::mem::take(&mut self.component).finish());
        let others = if names.is_empty() { Vec::new() } else { vec![(OTHERS, self.exports(names))] };
        let module = self.module_count;
        self.module_count += 1;
        let index = self.instantiate(module, others);
        self.merged_at = Some(index);
        Ok(index)
    }

    fn module(&mut self, module: usize) -> Result<u32, Error> {
        if let Some(index) = self.modules.get(&module) {
            return Ok(*index);
        }
        let data = self.graph.module(module).map_err(refused)?;
        self.component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data });
        let index = self.module_count;
        self.module_count += 1;
        self.modules.insert(module, index);
        Ok(index)
    }

    fn exports(&mut self, exports: BTreeMap<String, (ExportKind, u32)>) -> u32 {
        let mut section = InstanceSection::new();
        section.export_items(exports.iter().map(|(name, (kind, index))| (name.as_str(), *kind, *index)));
        self.add_instance(&section)
    }

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

    fn finish(self) -> Result<Vec<u8>> {
        let mut bytes = self.before.context("nothing of them is used")?;
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
    type Error = Refused;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        self.index(Kind::Function, function)
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32, Error> {
        self.index(Kind::Memory, memory)
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error> {
        self.index(Kind::Table, table)
    }
}

impl ReencodeComponent for Rewriter<'_> {}
