//! The bytes of a merged module.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{
    CodeSection, DataCountSection, DataSection, ElementSection, Elements, ExportSection, FunctionSection,
    GlobalSection, ImportSection, MemorySection, Module, NameMap, NameSection, TableSection, TagSection, TypeSection,
};
use wasmparser::{CustomSectionReader, KnownCustom, Name, Parser, Payload};

use super::kept::Kept;
use super::kind::Kind;
use super::merged::{Member, Merged};
use super::renumber::Renumber;

/// The module name of every import of the merged module.
pub(super) const IMPORTS: &str = "imports";

/// The name under which the merged module exports the definition with this index, which it has before any is left out.
pub(super) fn export_name(kind: Kind, index: u32) -> String {
    format!("{}-{index}", kind.word())
}

/// The sections of the merged module, as far as its members fill them.
#[derive(Default)]
struct Sections {
    types: TypeSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    tags: TagSection,
    globals: GlobalSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    /// The names of functions, by their index.
    names: BTreeMap<u32, String>,
}

/// Encodes the merged module with the given exports.
pub(super) fn encode(merged: &Merged<'_>, exports: &BTreeSet<(Kind, u32)>) -> Result<Vec<u8>> {
    let mut sections = Sections::default();
    let kept = Kept::of(merged, exports)?;
    for member in merged.in_order() {
        sections.add(member, &mut Renumber { indices: &member.indices, kept: &kept })?;
    }
    if !kept.undeclared.is_empty() {
        // It comes last, so that the indices of the others stay.
        sections.elements.declared(Elements::Functions(kept.undeclared.as_slice().into()));
    }
    let mut imports = ImportSection::new();
    for (name, import) in merged.imports.iter().enumerate() {
        imports.import(IMPORTS, &name.to_string(), import.ty);
    }
    let mut export_section = ExportSection::new();
    for (kind, index) in exports {
        let place = kept.index(*kind, *index).with_context(|| format!("{} {index} is left out", kind.word()))?;
        export_section.export(&export_name(*kind, *index), (*kind).into(), place);
    }
    let mut functions = NameMap::new();
    for (index, name) in &sections.names {
        functions.append(*index, name);
    }
    let mut custom = NameSection::new();
    custom.functions(&functions);
    let mut module = Module::new();
    module.section(&sections.types).section(&imports).section(&sections.functions).section(&sections.tables);
    module.section(&sections.memories);
    if !sections.tags.is_empty() {
        module.section(&sections.tags);
    }
    module.section(&sections.globals).section(&export_section).section(&sections.elements);
    module.section(&DataCountSection { count: sections.data.len() });
    module.section(&sections.code).section(&sections.data).section(&custom);
    Ok(module.finish())
}

impl Sections {
    /// Adds the definitions of a member that are kept.
    fn add(&mut self, member: &Member<'_>, renumber: &mut Renumber<'_>) -> Result<()> {
        let mut position = 0;
        for payload in Parser::new(0).parse_all(member.module) {
            match payload? {
                Payload::TypeSection(section) => renumber.parse_type_section(&mut self.types, section)?,
                Payload::FunctionSection(section) => {
                    for (position, ty) in (0_u32..).zip(section) {
                        if is_kept(member, Kind::Function, position, renumber.kept)? {
                            self.functions.function(renumber.type_index(ty?)?);
                        }
                    }
                }
                Payload::TableSection(section) => renumber.parse_table_section(&mut self.tables, section)?,
                Payload::MemorySection(section) => renumber.parse_memory_section(&mut self.memories, section)?,
                Payload::TagSection(section) => renumber.parse_tag_section(&mut self.tags, section)?,
                Payload::GlobalSection(section) => {
                    for (position, global) in (0_u32..).zip(section) {
                        if is_kept(member, Kind::Global, position, renumber.kept)? {
                            renumber.parse_global(&mut self.globals, global?)?;
                        }
                    }
                }
                Payload::ElementSection(section) => renumber.parse_element_section(&mut self.elements, section)?,
                Payload::DataSection(section) => renumber.parse_data_section(&mut self.data, section)?,
                Payload::CodeSectionEntry(body) => {
                    if is_kept(member, Kind::Function, position, renumber.kept)? {
                        renumber.parse_function_body(&mut self.code, body)?;
                    }
                    position += 1;
                }
                Payload::CustomSection(section) => self.add_names(&section, renumber)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds the names of functions, which the host shows in backtraces.
    fn add_names(&mut self, section: &CustomSectionReader<'_>, renumber: &mut Renumber<'_>) -> Result<()> {
        let KnownCustom::Name(section) = section.as_known() else { return Ok(()) };
        for names in section {
            let Name::Function(names) = names? else { continue };
            for name in names {
                let name = name?;
                if let Ok(index) = renumber.function_index(name.index) {
                    // The member that defines a function comes before those that import it, perhaps by another name.
                    self.names.entry(index).or_insert_with(|| name.name.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Whether the definition of a member at a position in its section is kept.
fn is_kept(member: &Member<'_>, kind: Kind, position: u32, kept: &Kept) -> Result<bool> {
    Ok(kept.index(kind, member.definition(kind, position)?).is_some())
}
