//! One module of several.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use wasm_encoder::EntityType;
use wasm_encoder::reencode::Reencode;
use wasmparser::{ConstExpr, Operator, Parser, Payload};

use super::graph::{Graph, Instance, Source};
use super::places::{Kind, Places, Renumber};

/// The module that several instances become.
pub(super) struct Merged<'a> {
    pub(super) members: BTreeMap<u32, Member<'a>>,
    /// What it imports.
    pub(super) others: Vec<Other<'a>>,
    /// The globals that hold the same in every instance.
    pub(super) constants: BTreeMap<u32, i32>,
}

/// What none of the members has.
pub(super) struct Other<'a> {
    pub(super) source: Source<'a>,
    pub(super) kind: Kind,
    pub(super) ty: EntityType,
}

/// A module, and where what it has is in the merged one.
pub(super) struct Member<'a> {
    pub(super) module: &'a [u8],
    pub(super) places: Places,
    exports: BTreeMap<&'a str, (Kind, u32)>,
}

impl<'a> Merged<'a> {
    pub(super) fn new(graph: &Graph<'a>, instances: &[u32]) -> Result<Self> {
        let mut merged = Self { members: BTreeMap::new(), others: Vec::new(), constants: BTreeMap::new() };
        let is_member =
            |source: &Source<'_>| matches!(source, Source::Export { instance, .. } if instances.contains(instance));
        let mut contents = Vec::new();
        let mut next = Contents::default();
        // What is imported comes first in every index space.
        let mut others = BTreeMap::new();
        let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
        for instance in instances {
            let Instance::OfModule { module, .. } = graph.instance(*instance)? else { continue };
            let module = graph.module(*module)?;
            let places = Places::after(next.types, next.elements, next.data);
            let imports = graph.imports(*instance)?;
            for (import, source) in &imports {
                let kind = Kind::from(import.ty);
                if is_member(source) || others.contains_key(&(kind, *source)) {
                    continue;
                }
                let ty = Renumber { places: &places, constants: &merged.constants }.entity_type(import.ty)?;
                let count = counts.entry(kind).or_default();
                others.insert((kind, *source), *count);
                *count += 1;
                merged.others.push(Other { source: *source, kind, ty });
            }
            let own = Contents::read(module)?;
            next.types += own.types;
            next.elements += own.elements;
            next.data += own.data;
            contents.push((*instance, module, imports, places, own));
        }
        for (instance, module, imports, mut places, own) in contents {
            let mut global = 0;
            for (import, source) in imports {
                let kind = Kind::from(import.ty);
                let place = match source {
                    Source::Export { instance, name } if is_member(&source) => merged.export(instance, name)?.1,
                    _ => *others.get(&(kind, source)).context("an import was not seen")?,
                };
                places.push(kind, place);
                global += u32::from(kind == Kind::Global);
            }
            for (kind, count) in own.counts {
                let next = counts.entry(kind).or_default();
                (0..count).for_each(|index| places.push(kind, *next + index));
                *next += count;
            }
            merged.learn_constants(module, &places, global)?;
            merged.members.insert(instance, Member { module, places, exports: own.exports });
        }
        Ok(merged)
    }

    /// Where something is that a member exports.
    pub(super) fn export(&self, instance: u32, name: &str) -> Result<(Kind, u32)> {
        let member = self.members.get(&instance).context("an instance is not merged")?;
        let (kind, index) = *member.exports.get(name).with_context(|| format!("a module has no `{name}`"))?;
        Ok((kind, member.places.get(kind, index).with_context(|| format!("`{name}` is nowhere"))?))
    }

    /// `index` is that of the first global of its own.
    fn learn_constants(&mut self, module: &[u8], places: &Places, mut index: u32) -> Result<()> {
        for payload in Parser::new(0).parse_all(module) {
            let Payload::GlobalSection(section) = payload? else { continue };
            for global in section {
                let global = global?;
                if !global.ty.mutable
                    && let Some(value) = evaluate(&global.init_expr, places, &self.constants)
                {
                    let place = places.get(Kind::Global, index).context("a global is nowhere")?;
                    self.constants.insert(place, value);
                }
                index += 1;
            }
        }
        Ok(())
    }
}

/// The 32-bit number that an expression is, if it is the same in every instance.
pub(super) fn evaluate(expression: &ConstExpr<'_>, places: &Places, constants: &BTreeMap<u32, i32>) -> Option<i32> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => value,
            Operator::GlobalGet { global_index } => *constants.get(&places.get(Kind::Global, global_index)?)?,
            Operator::I32Add => {
                stack.pop().zip(stack.pop()).map(|(right, left): (i32, i32)| left.wrapping_add(right))?
            }
            Operator::I32Sub => {
                stack.pop().zip(stack.pop()).map(|(right, left): (i32, i32)| left.wrapping_sub(right))?
            }
            Operator::I32Mul => {
                stack.pop().zip(stack.pop()).map(|(right, left): (i32, i32)| left.wrapping_mul(right))?
            }
            Operator::End => continue,
            _ => return None,
        };
        stack.push(value);
    }
    stack.pop().filter(|_| stack.is_empty())
}

/// What a module has of its own.
#[derive(Default)]
struct Contents<'a> {
    types: u32,
    elements: u32,
    data: u32,
    counts: BTreeMap<Kind, u32>,
    exports: BTreeMap<&'a str, (Kind, u32)>,
}

impl<'a> Contents<'a> {
    fn read(module: &'a [u8]) -> Result<Self> {
        let mut own = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            let (kind, count) = match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        own.types += u32::try_from(group?.types().len())?;
                    }
                    continue;
                }
                Payload::ElementSection(section) => {
                    own.elements = section.count();
                    continue;
                }
                Payload::DataSection(section) => {
                    own.data = section.count();
                    continue;
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        own.exports.insert(export.name, (export.kind.into(), export.index));
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
            own.counts.insert(kind, count);
        }
        Ok(own)
    }
}
