//! Constant expressions whose value is known before a plugin is instantiated.

use std::collections::BTreeMap;

use wasm_encoder::{ConstExpr, Ieee32, Ieee64, Instruction};
use wasmparser::Operator;

/// A number that is the same in every instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
    F32(Ieee32),
    F64(Ieee64),
}

/// The values of globals that are the same in every instance, by their indices before any is left out.
pub(super) type Constants = BTreeMap<u32, Value>;

impl Value {
    /// The instruction that has the value as its result.
    pub(super) fn instruction(self) -> Instruction<'static> {
        match self {
            Self::I32(value) => Instruction::I32Const(value),
            Self::I64(value) => Instruction::I64Const(value),
            Self::F32(value) => Instruction::F32Const(value),
            Self::F64(value) => Instruction::F64Const(value),
        }
    }

    /// The expression that consists of the value.
    pub(super) fn expression(self) -> ConstExpr {
        match self {
            Self::I32(value) => ConstExpr::i32_const(value),
            Self::I64(value) => ConstExpr::i64_const(value),
            Self::F32(value) => ConstExpr::f32_const(value),
            Self::F64(value) => ConstExpr::f64_const(value),
        }
    }
}

/// The value of an expression of a member, in which `global` has the value of each global; none if it depends on the
/// instance.
pub(super) fn evaluate(expression: &wasmparser::ConstExpr<'_>, global: impl Fn(u32) -> Option<Value>) -> Option<Value> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => Value::I32(value),
            Operator::I64Const { value } => Value::I64(value),
            Operator::F32Const { value } => Value::F32(value.into()),
            Operator::F64Const { value } => Value::F64(value.into()),
            Operator::GlobalGet { global_index } => global(global_index)?,
            Operator::I32Add => apply(&mut stack, i32::wrapping_add)?,
            Operator::I32Sub => apply(&mut stack, i32::wrapping_sub)?,
            Operator::I32Mul => apply(&mut stack, i32::wrapping_mul)?,
            Operator::End => continue,
            _ => return None,
        };
        stack.push(value);
    }
    stack.pop().filter(|_| stack.is_empty())
}

/// Takes the two operands off the stack: the right one is on top.
fn apply(stack: &mut Vec<Value>, operation: fn(i32, i32) -> i32) -> Option<Value> {
    match stack.pop().zip(stack.pop())? {
        (Value::I32(right), Value::I32(left)) => Some(Value::I32(operation(left, right))),
        _ => None,
    }
}
