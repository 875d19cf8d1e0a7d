//! Where what a module has is in the merged one.

use std::collections::BTreeMap;

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{ConstExpr, ExportKind};
use wasmparser::{ExternalKind, TypeRef};

use super::module::evaluate;

/// What has an index space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Function,
    Table,
    Memory,
    Global,
    Tag,
}

impl From<ExternalKind> for Kind {
    fn from(kind: ExternalKind) -> Self {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Self::Function,
            ExternalKind::Table => Self::Table,
            ExternalKind::Memory => Self::Memory,
            ExternalKind::Global => Self::Global,
            ExternalKind::Tag => Self::Tag,
        }
    }
}

impl From<TypeRef> for Kind {
    fn from(ty: TypeRef) -> Self {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => Self::Function,
            TypeRef::Table(_) => Self::Table,
            TypeRef::Memory(_) => Self::Memory,
            TypeRef::Global(_) => Self::Global,
            TypeRef::Tag(_) => Self::Tag,
        }
    }
}

impl From<Kind> for ExportKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Function => Self::Func,
            Kind::Table => Self::Table,
            Kind::Memory => Self::Memory,
            Kind::Global => Self::Global,
            Kind::Tag => Self::Tag,
        }
    }
}

/// The indices in the merged module of what a member numbers on its own.
#[derive(Debug, Default)]
pub(super) struct Places {
    spaces: BTreeMap<Kind, Vec<u32>>,
    /// The first of its types, element segments and data segments.
    types: u32,
    elements: u32,
    data: u32,
}

impl Places {
    pub(super) fn after(types: u32, elements: u32, data: u32) -> Self {
        Self { types, elements, data, ..Self::default() }
    }

    pub(super) fn push(&mut self, kind: Kind, place: u32) {
        self.spaces.entry(kind).or_default().push(place);
    }

    pub(super) fn get(&self, kind: Kind, index: u32) -> Option<u32> {
        self.spaces.get(&kind)?.get(index as usize).copied()
    }
}

pub(super) type Error = reencode::Error<Missing>;

/// An index that a module does not have.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} {1} is nowhere")]
pub(super) struct Missing(Kind, u32);

/// Rewrites what a member holds.
pub(super) struct Renumber<'a> {
    pub(super) places: &'a Places,
    pub(super) constants: &'a BTreeMap<u32, i32>,
}

impl Renumber<'_> {
    fn place(&self, kind: Kind, index: u32) -> Result<u32, Error> {
        self.places.get(kind, index).ok_or(reencode::Error::UserError(Missing(kind, index)))
    }
}

impl Reencode for Renumber<'_> {
    type Error = Missing;

    fn type_index(&mut self, ty: u32) -> Result<u32, Error> {
        Ok(ty + self.places.types)
    }

    fn element_index(&mut self, element: u32) -> Result<u32, Error> {
        Ok(element + self.places.elements)
    }

    fn data_index(&mut self, data: u32) -> Result<u32, Error> {
        Ok(data + self.places.data)
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        self.place(Kind::Function, function)
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error> {
        self.place(Kind::Table, table)
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32, Error> {
        self.place(Kind::Memory, memory)
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Error> {
        self.place(Kind::Global, global)
    }

    fn tag_index(&mut self, tag: u32) -> Result<u32, Error> {
        self.place(Kind::Tag, tag)
    }

    /// Places in memory and in the table are plain numbers: only these does a runtime know beforehand.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
        match evaluate(&expression, self.places, self.constants) {
            Some(value) => Ok(ConstExpr::i32_const(value)),
            None => reencode::utils::const_expr(self, expression),
        }
    }
}
