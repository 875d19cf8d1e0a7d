//! Constant expressions whose value is known before a plugin is instantiated.

use std::collections::BTreeMap;

use wasmparser::{ConstExpr, Operator};

use super::index_map::IndexMap;
use super::kind::Kind;

/// The values of the merged module's globals that are the same in every instance, by their index.
pub(super) type Constants = BTreeMap<u32, i32>;

/// The 32-bit value of an expression of a member; none if it depends on the instance.
pub(super) fn evaluate(expression: &ConstExpr<'_>, indices: &IndexMap, constants: &Constants) -> Option<i32> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => value,
            Operator::GlobalGet { global_index } => *constants.get(&indices.get(Kind::Global, global_index)?)?,
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
fn apply(stack: &mut Vec<i32>, operation: fn(i32, i32) -> i32) -> Option<i32> {
    let (right, left) = stack.pop().zip(stack.pop())?;
    Some(operation(left, right))
}
