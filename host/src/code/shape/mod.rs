//! The shape of a plugin: its size, imports, exports and nesting, read before any of it is compiled or run.

mod encodings;
mod instantiations;
mod nesting;

use serde::Serialize;
use wasmparser::{CanonicalFunction, CanonicalOption, ComponentExternalKind, ElementItems, Encoding, Parser, Payload};

use self::encodings::Encodings;
use self::instantiations::Instantiations;
use crate::engine::config::Pool;
use crate::error::LoadError;
use crate::interfaces::PACKAGE;
use crate::limits::HostLimits;
use crate::util::text::clip;

/// The shape of a plugin: its imports, its exports, and the number and size of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Shape {
    /// The names of the imports, in order.
    pub imports: Vec<String>,
    /// The names of the exports, in order.
    pub exports: Vec<String>,
    /// The number of functions, over all modules.
    pub functions: usize,
    /// The number of types, over all modules and components.
    pub types: usize,
    /// The number of modules and components inside the plugin.
    pub modules: usize,
    /// The number of instances of modules and components that one instance of the plugin consists of.
    pub instances: usize,
    /// The initial size of all memories, over all modules, in bytes.
    pub memory_bytes: usize,
    /// Whether the plugin uses the async part of the component model.
    pub is_async: bool,
    /// The tools that built the plugin, for example `language Rust`, `processed-by rustc 1.95.0`.
    pub producers: Vec<String>,
}

impl Shape {
    /// Reads the shape of a component without running or compiling it.
    ///
    /// # Errors
    /// [`LoadError`] if `bytes` are not a component, are damaged, or go over one of `limits`.
    pub fn read(bytes: &[u8], limits: &HostLimits) -> Result<Self, LoadError> {
        let mut shape = Self::default();
        let (mut all_imports, mut items) = (0, 0);
        let mut depth = 0;
        check_size(bytes.len(), limits)?;
        check_header(bytes)?;
        let mut instantiations = Instantiations::default();
        let mut encodings = Encodings::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            let instances = instantiations.add(&payload).map_err(invalid)?;
            cap("instances", "instantiations", instances, limits.instantiations)?;
            shape.instances = instances;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    shape.modules += 1;
                    encodings.enter();
                    cap("levels of nesting", "nesting", depth, limits.nesting)?;
                    cap("modules", "modules", shape.modules, limits.modules)?;
                }
                Payload::End(_) => {
                    depth = depth.saturating_sub(1);
                    encodings.leave();
                }
                Payload::FunctionSection(section) => shape.functions += section.count() as usize,
                Payload::ComponentCanonicalSection(section) => {
                    shape.functions += section.count() as usize;
                    for function in section {
                        let function = function.map_err(invalid)?;
                        shape.is_async |= is_async(&function);
                        encodings.add(&function)?;
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        let bytes = begins_with(&memory.map_err(invalid)?);
                        shape.memory_bytes = shape.memory_bytes.saturating_add(bytes);
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let length = body.range().len();
                    cap("bytes in one function", "function_bytes", length, limits.function_bytes)?;
                    let blocks = nesting::blocks(&body).map_err(invalid)?;
                    cap("levels of blocks", "block_nesting", blocks.depth, limits.block_nesting)?;
                    cap("levels of loops", "loop_nesting", blocks.loop_depth, limits.loop_nesting)?;
                    let (what, found) = ("locals of a function, squared, times its loops", blocks.loop_locals);
                    cap(what, "loop_locals", found, limits.loop_locals)?;
                    let (what, found) = ("locals of a function times its blocks", blocks.block_locals);
                    cap(what, "block_locals", found, limits.block_locals)?;
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        items += nesting::constant(&global.map_err(invalid)?.init_expr).map_err(invalid)?;
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        items += 1 + match element.map_err(invalid)?.items {
                            ElementItems::Functions(functions) => functions.count(),
                            ElementItems::Expressions(_, expressions) => expressions.count(),
                        } as usize;
                    }
                }
                Payload::ExportSection(section) => items += section.count() as usize,
                Payload::DataSection(section) => items += section.count() as usize,
                Payload::ComponentAliasSection(section) => items += section.count() as usize,
                Payload::TypeSection(section) => {
                    shape.types += section.count() as usize;
                    cap("types", "types", shape.types, limits.types)?;
                    for types in section {
                        let values = nesting::values(&types.map_err(invalid)?);
                        cap("parameters or results", "block_values", values, limits.block_values)?;
                    }
                }
                Payload::CoreTypeSection(section) => shape.types += section.count() as usize,
                Payload::ComponentTypeSection(section) => {
                    let range = section.range();
                    let section = bytes.get(range.clone()).unwrap_or_default();
                    let nesting = nesting::measure(section, range.start, limits.nesting).map_err(invalid)?;
                    shape.types += nesting.types;
                    cap("levels of nesting", "nesting", nesting.depth, limits.nesting)?;
                }
                Payload::ImportSection(section) => all_imports += section.count() as usize,
                Payload::ComponentImportSection(section) => {
                    all_imports += section.count() as usize;
                    cap("imports", "imports", all_imports, limits.imports)?;
                    if depth == 0 {
                        for import in section {
                            shape.imports.push(import.map_err(invalid)?.name.name.to_owned());
                        }
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    let exports = shape.exports.len() + section.count() as usize;
                    cap("exports", "imports", exports, limits.imports)?;
                    for export in section {
                        let export = export.map_err(invalid)?;
                        if export.kind != ComponentExternalKind::Type {
                            shape.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                Payload::CustomSection(section) if section.name() == "producers" => {
                    shape.add_producers(section.data(), section.data_offset());
                }
                _ => {}
            }
            cap("functions", "functions", shape.functions, limits.functions)?;
            cap("types", "types", shape.types, limits.types)?;
            cap("imports", "imports", all_imports, limits.imports)?;
            cap("globals, exports and segments", "items", items, limits.items)?;
        }
        Ok(shape)
    }

    /// The versions of the contract for which the plugin exports `check`. A plugin that loads has exactly one.
    #[must_use]
    pub fn contract_versions(&self) -> Vec<&str> {
        self.contract_exports().filter(|(name, _)| *name == "check").map(|(_, version)| version).collect()
    }

    /// The optional interfaces of the contract that the plugin exports, for example `settings`.
    #[must_use]
    pub fn optional_interfaces(&self) -> Vec<&str> {
        self.contract_exports().filter(|(name, _)| *name != "check").map(|(name, _)| name).collect()
    }

    /// The names and versions of the contract's interfaces that it exports.
    fn contract_exports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.exports.iter().filter_map(|export| export.strip_prefix(PACKAGE)?.split_once('@'))
    }

    /// The pool of its instances.
    pub(crate) fn pool(&self, limits: &HostLimits) -> Pool {
        if self.is_async {
            Pool::Concurrent
        } else if self.memory_bytes > limits.small_memory_bytes {
            Pool::Large
        } else {
            Pool::Small
        }
    }

    /// Adds the producers section, which is informative only: an invalid section is ignored.
    fn add_producers(&mut self, data: &[u8], offset: usize) {
        let reader = wasmparser::BinaryReader::new(data, offset);
        let Ok(fields) = wasmparser::ProducersSectionReader::new(reader) else { return };
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let line = format!("{} {} {}", field.name, value.name, value.version);
                let line = clip(line.trim_end());
                if self.producers.len() < 64 && !self.producers.contains(&line) {
                    self.producers.push(line);
                }
            }
        }
    }
}

/// Whether a function needs an engine with the async part of the component model.
fn is_async(function: &CanonicalFunction) -> bool {
    use CanonicalFunction::{Lift, Lower, ResourceDrop, ResourceNew, ResourceRep};
    match function {
        Lift { options, .. } | Lower { options, .. } => {
            options.iter().any(|option| matches!(option, CanonicalOption::Async | CanonicalOption::Callback(_)))
        }
        ResourceNew { .. } | ResourceDrop { .. } | ResourceRep { .. } => false,
        _ => true,
    }
}

/// The initial size of a memory, in bytes.
fn begins_with(memory: &wasmparser::MemoryType) -> usize {
    let page_size = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
    usize::try_from(memory.initial.saturating_mul(page_size)).unwrap_or(usize::MAX)
}

/// Checks the size of a plugin's file, in bytes.
pub(crate) fn check_size(found: usize, limits: &HostLimits) -> Result<(), LoadError> {
    cap("bytes", "plugin_bytes", found, limits.plugin_bytes)
}

/// Compares a measured value with the field `limit` of [`HostLimits`].
fn cap(what: &'static str, limit: &'static str, found: usize, cap: usize) -> Result<(), LoadError> {
    if found <= cap { Ok(()) } else { Err(LoadError::TooLarge { what, found, cap, limit }) }
}

fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    match Parser::new(0).parse(bytes, true) {
        Ok(wasmparser::Chunk::Parsed { payload: Payload::Version { encoding, .. }, .. }) => match encoding {
            Encoding::Component => Ok(()),
            Encoding::Module => Err(LoadError::CoreModule),
        },
        _ if bytes.starts_with(b"\0asm") => {
            Err(LoadError::Invalid { offset: 4, reason: "unknown version of WebAssembly".to_owned() })
        }
        _ => Err(not_wasm(bytes)),
    }
}

fn not_wasm(bytes: &[u8]) -> LoadError {
    let head = bytes.get(..16).unwrap_or(bytes);
    let text = bytes.trim_ascii_start();
    let hint = if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
        " (it looks like the text format: turn it into bytes with `wasm-tools parse`)"
    } else if bytes.starts_with(b"\x7fELF") {
        " (it looks like a native library or a precompiled plugin)"
    } else {
        ""
    };
    if bytes.is_empty() {
        return LoadError::NotWasm { found: "nothing".to_owned(), hint: ", because it is empty" };
    }
    LoadError::NotWasm { found: format!("`{}`", head.escape_ascii()), hint }
}

fn invalid(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Invalid { offset: error.offset(), reason: clip(error.message()) }
}
