//! The bytes of a merged module.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{
    CodeSection, DataCountSection, DataSection, ElementSection, ExportSection, FunctionSection, GlobalSection,
    ImportSection, MemorySection, Module, NameMap, NameSection, TableSection, TagSection, TypeSection,
};
use wasmparser::{BinaryReader, CodeSectionReader, CustomSectionReader, KnownCustom, Name, Parser, Payload};

use super::module::{Member, Merged};
use super::places::{Kind, Places, Renumber};

/// What a merged module imports everything from.
pub(super) const OTHERS: &str = "others";

/// The name of what it exports from a place.
pub(super) fn export_name(kind: Kind, place: u32) -> String {
    let kind = match kind {
        Kind::Function => "function",
        Kind::Table => "table",
        Kind::Memory => "memory",
        Kind::Global => "global",
        Kind::Tag => "tag",
    };
    format!("{kind}-{place}")
}

/// Its sections.
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
    /// Of functions, by place.
    names: BTreeMap<u32, String>,
}

pub(super) fn encode(merged: &Merged<'_>, exports: &BTreeSet<(Kind, u32)>) -> Result<Vec<u8>> {
    let mut sections = Sections::default();
    for Member { module, places, .. } in merged.members.values() {
        sections.add(module, &mut Renumber { places, constants: &merged.constants })?;
    }
    let mut imports = ImportSection::new();
    for (index, other) in merged.others.iter().enumerate() {
        imports.import(OTHERS, &index.to_string(), other.ty);
    }
    let mut names = ExportSection::new();
    for (kind, place) in exports {
        names.export(&export_name(*kind, *place), (*kind).into(), *place);
    }
    let mut functions = NameMap::new();
    for (place, name) in &sections.names {
        functions.append(*place, name);
    }
    let mut custom = NameSection::new();
    custom.functions(&functions);
    let mut module = Module::new();
    module.section(&sections.types).section(&imports).section(&sections.functions).section(&sections.tables);
    module.section(&sections.memories);
    if !sections.tags.is_empty() {
        module.section(&sections.tags);
    }
    module.section(&sections.globals).section(&names).section(&sections.elements);
    module.section(&DataCountSection { count: sections.data.len() });
    module.section(&sections.code).section(&sections.data).section(&custom);
    Ok(module.finish())
}

impl Sections {
    fn add(&mut self, module: &[u8], renumber: &mut Renumber<'_>) -> Result<()> {
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => renumber.parse_type_section(&mut self.types, section)?,
                Payload::FunctionSection(section) => renumber.parse_function_section(&mut self.functions, section)?,
                Payload::TableSection(section) => renumber.parse_table_section(&mut self.tables, section)?,
                Payload::MemorySection(section) => renumber.parse_memory_section(&mut self.memories, section)?,
                Payload::TagSection(section) => renumber.parse_tag_section(&mut self.tags, section)?,
                Payload::GlobalSection(section) => renumber.parse_global_section(&mut self.globals, section)?,
                Payload::ElementSection(section) => renumber.parse_element_section(&mut self.elements, section)?,
                Payload::DataSection(section) => renumber.parse_data_section(&mut self.data, section)?,
                Payload::CodeSectionStart { range, .. } => {
                    let code = module.get(range.clone()).unwrap_or_default();
                    let section = CodeSectionReader::new(BinaryReader::new(code, range.start))?;
                    renumber.parse_code_section(&mut self.code, section)?;
                }
                Payload::CustomSection(section) => self.name(&section, renumber.places)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The names of functions: the host tells them in backtraces.
    fn name(&mut self, section: &CustomSectionReader<'_>, places: &Places) -> Result<()> {
        let KnownCustom::Name(section) = section.as_known() else { return Ok(()) };
        for names in section {
            let Name::Function(names) = names? else { continue };
            for name in names {
                let name = name?;
                if let Some(place) = places.get(Kind::Function, name.index) {
                    // Whoever imports it may call it otherwise, and comes later.
                    self.names.entry(place).or_insert_with(|| name.name.to_owned());
                }
            }
        }
        Ok(())
    }
}
