//! The merged module that replaces several instances: its index spaces and imports.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use wasm_encoder::EntityType;
use wasm_encoder::reencode::{self, Reencode};
use wasmparser::{Parser, Payload};

use super::graph::{Graph, Instance, Source};
use super::index_map::IndexMap;
use super::kind::Kind;

/// The merged module.
pub(super) struct Merged<'a> {
    /// Its members, by the index of their instance.
    pub(super) members: BTreeMap<u32, Member<'a>>,
    /// The order in which the definitions of its members follow each other.
    order: Vec<u32>,
    /// Everything that its members import and none of them defines.
    pub(super) imports: Vec<MergedImport<'a>>,
    /// The number of entries of each index space.
    counts: BTreeMap<Kind, u32>,
}

/// An import of the merged module.
pub(super) struct MergedImport<'a> {
    pub(super) source: Source<'a>,
    pub(super) kind: Kind,
    pub(super) ty: EntityType,
}

/// One of the instances that are merged.
pub(super) struct Member<'a> {
    pub(super) module: &'a [u8],
    pub(super) indices: IndexMap,
    /// The number of its imports of each kind.
    imported: BTreeMap<Kind, u32>,
    exports: BTreeMap<&'a str, (Kind, u32)>,
}

impl<'a> Merged<'a> {
    pub(super) fn new(graph: &Graph<'a>, instances: &[u32]) -> Result<Self> {
        let mut merged =
            Self { members: BTreeMap::new(), order: instances.to_vec(), imports: Vec::new(), counts: BTreeMap::new() };
        let is_member =
            |source: &Source<'_>| matches!(source, Source::Export { instance, .. } if instances.contains(instance));
        let mut modules = Vec::new();
        // Imports come first in every index space.
        let mut import_indices = BTreeMap::new();
        let mut counts = BTreeMap::new();
        let (mut types, mut elements, mut data) = (0, 0, 0);
        for instance in instances {
            let Instance::OfModule { module, .. } = graph.instance(*instance)? else { continue };
            let module = graph.module(*module)?;
            let indices = IndexMap::new(types, elements, data);
            let imports = graph.imports(*instance)?;
            for (import, source) in &imports {
                let kind = Kind::from(import.ty);
                if is_member(source) || import_indices.contains_key(&(kind, *source)) {
                    continue;
                }
                let ty = ImportTypes { first_type: types }.entity_type(import.ty)?;
                let count = counts.entry(kind).or_default();
                import_indices.insert((kind, *source), *count);
                *count += 1;
                merged.imports.push(MergedImport { source: *source, kind, ty });
            }
            let definitions = Definitions::read(module)?;
            types += definitions.types;
            elements += definitions.elements;
            data += definitions.data;
            modules.push((*instance, module, imports, indices, definitions));
        }
        for (instance, module, imports, mut indices, definitions) in modules {
            let mut imported = BTreeMap::new();
            for (import, source) in imports {
                let kind = Kind::from(import.ty);
                let index = match source {
                    Source::Export { instance, name } if is_member(&source) => merged.export(instance, name)?.1,
                    _ => *import_indices.get(&(kind, source)).context("an import has no index")?,
                };
                indices.push(kind, index);
                *imported.entry(kind).or_default() += 1;
            }
            for (kind, count) in definitions.counts {
                let next = counts.entry(kind).or_default();
                (0..count).for_each(|offset| indices.push(kind, *next + offset));
                *next += count;
            }
            merged.members.insert(instance, Member { module, indices, imported, exports: definitions.exports });
        }
        merged.counts = counts;
        Ok(merged)
    }

    /// The index in the merged module of an export of a member.
    pub(super) fn export(&self, instance: u32, name: &str) -> Result<(Kind, u32)> {
        let member = self.members.get(&instance).with_context(|| format!("core instance {instance} is not merged"))?;
        let (kind, index) = *member.exports.get(name).with_context(|| format!("a module has no export `{name}`"))?;
        let merged = member.indices.get(kind, index);
        Ok((kind, merged.with_context(|| format!("the export `{name}` refers to something that does not exist"))?))
    }

    /// Its members, in the order of their definitions.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Member<'a>> {
        self.order.iter().filter_map(|instance| self.members.get(instance))
    }

    /// The number of imports and definitions of a kind.
    pub(super) fn count(&self, kind: Kind) -> u32 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }
}

impl Member<'_> {
    /// The index in the merged module.
    pub(super) fn index(&self, kind: Kind, index: u32) -> Result<u32> {
        self.indices.get(kind, index).with_context(|| format!("{} {index} does not exist", kind.word()))
    }

    /// The index in the merged module of the definition at a position in its section.
    pub(super) fn definition(&self, kind: Kind, position: u32) -> Result<u32> {
        let imported = self.imported.get(&kind).copied().unwrap_or_default();
        self.index(kind, imported.saturating_add(position))
    }
}

/// Re-encodes the types of a module's imports.
struct ImportTypes {
    /// The index of the module's first type in the merged module.
    first_type: u32,
}

impl Reencode for ImportTypes {
    type Error = std::convert::Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, reencode::Error<Self::Error>> {
        Ok(ty + self.first_type)
    }
}

/// The number of a module's own definitions, and its exports.
#[derive(Default)]
struct Definitions<'a> {
    types: u32,
    elements: u32,
    data: u32,
    counts: BTreeMap<Kind, u32>,
    exports: BTreeMap<&'a str, (Kind, u32)>,
}

impl<'a> Definitions<'a> {
    fn read(module: &'a [u8]) -> Result<Self> {
        let mut definitions = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            let (kind, count) = match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        definitions.types += u32::try_from(group?.types().len())?;
                    }
                    continue;
                }
                Payload::ElementSection(section) => {
                    definitions.elements = section.count();
                    continue;
                }
                Payload::DataSection(section) => {
                    definitions.data = section.count();
                    continue;
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        definitions.exports.insert(export.name, (export.kind.into(), export.index));
                    }
                    continue;
                }
                Payload::FunctionSection(section) => (Kind::Function, section.count()),
                Payload::TableSection(section) => (Kind::Table, section.count()),
                Payload::MemorySection(section) => (Kind::Memory, section.count()),
                Payload::GlobalSection(section) => (Kind::Global, section.count()),
                Payload::TagSection(section) => (Kind::Tag, section.count()),
                Payload::StartSection { .. } => bail!("a module has a start function"),
                _ => continue,
            };
            definitions.counts.insert(kind, count);
        }
        Ok(definitions)
    }
}
