//! Nesting: the structures that make a small plugin expensive to read or compile, such as types in types, blocks in
//! blocks, and blocks with many parameters or results.
//!
//! The nesting of types is measured without recursion. The parser would read a nested type recursively, and each level
//! takes only a few bytes, so a plugin of some megabytes could overflow the host's stack.

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, CompositeInnerType, ConstExpr, FunctionBody, Operator,
    RecGroup, Result,
};

/// The first bytes of a component type and of an instance type, which contain declarations of other types.
const HOLDS_TYPES: [u8; 2] = [0x41, 0x42];
/// The first byte of a declaration that is a type.
const IS_TYPE: u8 = 0x01;

/// The measures of a section of component types.
#[derive(Default)]
pub(super) struct Nesting {
    /// Types, including nested ones.
    pub(super) types: usize,
    /// The depth of nesting.
    pub(super) depth: usize,
}

/// Measures a section of component types. Reading stops one level over `cap`.
pub(super) fn measure(section: &[u8], offset: usize, cap: usize) -> Result<Nesting> {
    let mut reader = BinaryReader::new(section, offset);
    let mut found = Nesting::default();
    // The number of unread items at each level.
    let mut levels = vec![reader.read_var_u32()?];
    while let Some(left) = levels.last_mut() {
        if *left == 0 {
            levels.pop();
            continue;
        }
        *left -= 1;
        let inside = levels.len() > 1;
        if inside && first_byte(&reader)? != IS_TYPE {
            reader.read::<ComponentTypeDeclaration<'_>>()?;
            continue;
        }
        if inside {
            reader.read_u8()?;
        }
        found.types += 1;
        if HOLDS_TYPES.contains(&first_byte(&reader)?) {
            reader.read_u8()?;
            levels.push(reader.read_var_u32()?);
            found.depth = found.depth.max(levels.len() - 1);
            if found.depth > cap {
                break;
            }
        } else {
            reader.read::<ComponentType<'_>>()?;
        }
    }
    Ok(found)
}

fn first_byte(reader: &BinaryReader<'_>) -> Result<u8> {
    reader.clone().read_u8()
}

/// The measures of one function that determine the cost of compiling it.
#[derive(Default)]
pub(super) struct Blocks {
    /// The depth of nested blocks.
    pub(super) depth: usize,
    /// The depth of nested loops.
    pub(super) loop_depth: usize,
    /// The number of locals, squared, times the number of loops.
    pub(super) loop_locals: usize,
    /// The number of locals, times the number of blocks and branches.
    pub(super) block_locals: usize,
}

/// Measures the blocks of a function.
pub(super) fn blocks(body: &FunctionBody<'_>) -> Result<Blocks> {
    let mut locals = 0_usize;
    for declared in body.get_locals_reader()? {
        locals = locals.saturating_add(declared?.0 as usize);
    }
    let (mut found, mut open) = (Blocks::default(), Vec::new());
    let (mut loops, mut branches, mut loop_depth) = (0_usize, 0_usize, 0_usize);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::If { .. } => open.push(false),
            Operator::Loop { .. } => {
                open.push(true);
                loops += 1;
                loop_depth += 1;
            }
            Operator::End => {
                if open.pop() == Some(true) {
                    loop_depth -= 1;
                }
                continue;
            }
            Operator::BrIf { .. } => {}
            _ => continue,
        }
        branches += 1;
        found.depth = found.depth.max(open.len());
        found.loop_depth = found.loop_depth.max(loop_depth);
    }
    found.loop_locals = locals.saturating_mul(locals).saturating_mul(loops);
    found.block_locals = locals.saturating_mul(branches);
    Ok(found)
}

/// The number of instructions of a constant expression.
pub(super) fn constant(expression: &ConstExpr<'_>) -> Result<usize> {
    expression.get_operators_reader().into_iter().try_fold(0, |count, operator| operator.map(|_| count + 1))
}

/// The maximum number of parameters or results of the function types in a group.
pub(super) fn values(types: &RecGroup) -> usize {
    let values = |ty: &wasmparser::SubType| match &ty.composite_type.inner {
        CompositeInnerType::Func(function) => function.params().len().max(function.results().len()),
        _ => 0,
    };
    types.types().map(values).max().unwrap_or(0)
}
