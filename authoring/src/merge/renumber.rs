//! Copies the definitions of a member, with its indices replaced by those of the merged module.

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{ConstExpr, Instruction};
use wasmparser::Operator;

use super::constant::{Value, evaluate};
use super::index_map::IndexMap;
use super::kept::Kept;
use super::kind::Kind;

/// Re-encodes the definitions of a member.
pub(super) struct Renumber<'a> {
    pub(super) indices: &'a IndexMap,
    pub(super) kept: &'a Kept,
}

/// An index that a module uses although it does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{} {index} does not exist", kind.word())]
pub(super) struct MissingIndex {
    kind: Kind,
    index: u32,
}

type Error = reencode::Error<MissingIndex>;

impl Renumber<'_> {
    fn index(&self, kind: Kind, index: u32) -> Result<u32, Error> {
        let merged = self.indices.get(kind, index).and_then(|merged| self.kept.index(kind, merged));
        merged.ok_or(reencode::Error::UserError(MissingIndex { kind, index }))
    }

    fn constant(&self, global: u32) -> Option<Value> {
        self.kept.constant(self.indices.get(Kind::Global, global)?)
    }
}

impl Reencode for Renumber<'_> {
    type Error = MissingIndex;

    fn type_index(&mut self, ty: u32) -> Result<u32, Error> {
        Ok(ty + self.indices.first_type)
    }

    fn element_index(&mut self, element: u32) -> Result<u32, Error> {
        Ok(element + self.indices.first_element)
    }

    fn data_index(&mut self, data: u32) -> Result<u32, Error> {
        Ok(data + self.indices.first_data)
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        self.index(Kind::Function, function)
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error> {
        self.index(Kind::Table, table)
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32, Error> {
        self.index(Kind::Memory, memory)
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Error> {
        self.index(Kind::Global, global)
    }

    fn tag_index(&mut self, tag: u32) -> Result<u32, Error> {
        self.index(Kind::Tag, tag)
    }

    /// Writes the value of a global that is known in place of the global.
    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error> {
        if let Operator::GlobalGet { global_index } = operator
            && let Some(value) = self.constant(global_index)
        {
            return Ok(value.instruction());
        }
        reencode::utils::instruction(self, operator)
    }

    /// Writes known offsets of segments as plain numbers: a runtime can apply only those before it instantiates.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
        match evaluate(&expression, |global| self.constant(global)) {
            Some(value) => Ok(value.expression()),
            None => reencode::utils::const_expr(self, expression),
        }
    }
}
