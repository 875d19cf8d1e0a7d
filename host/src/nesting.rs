//! What makes a small plugin large for whoever reads or compiles it: types in types, blocks in blocks, blocks that take
//! or leave many values.
//!
//! How deep types are nested is found out without recursion. The parser reads a nested type by calling itself: a few
//! bytes for each level, and a plugin of some megabytes would overflow the host's stack.

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, CompositeInnerType, ConstExpr, FunctionBody, Operator,
    RecGroup, Result,
};

/// The first byte of a component type and of an instance type, which hold declarations of other types.
const HOLDS_TYPES: [u8; 2] = [0x41, 0x42];
/// The first byte of a declaration that is a type.
const IS_TYPE: u8 = 0x01;

/// What a section of component types holds.
#[derive(Default)]
pub(crate) struct Nesting {
    /// Types, also those inside others.
    pub(crate) types: usize,
    /// How deep they are nested.
    pub(crate) depth: usize,
}

/// Measures a section of component types; looks no further than one level over `cap`.
pub(crate) fn measure(section: &[u8], offset: usize, cap: usize) -> Result<Nesting> {
    let mut reader = BinaryReader::new(section, offset);
    let mut found = Nesting::default();
    // What is left to be read at each level.
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

/// What a compiler has to keep apart in one function.
#[derive(Default)]
pub(crate) struct Blocks {
    /// How deep blocks are nested.
    pub(crate) depth: usize,
    /// How deep loops are nested.
    pub(crate) loop_depth: usize,
    /// Its locals, squared, for each of its loops.
    pub(crate) loop_locals: usize,
    /// Its locals, for each block and branch.
    pub(crate) block_locals: usize,
}

/// Measures the blocks of a function.
pub(crate) fn blocks(body: &FunctionBody<'_>) -> Result<Blocks> {
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

/// How many instructions a constant is made of.
pub(crate) fn constant(expression: &ConstExpr<'_>) -> Result<usize> {
    expression.get_operators_reader().into_iter().try_fold(0, |count, operator| operator.map(|_| count + 1))
}

/// The most parameters, or results, of a function type in a group.
pub(crate) fn values(types: &RecGroup) -> usize {
    let values = |ty: &wasmparser::SubType| match &ty.composite_type.inner {
        CompositeInnerType::Func(function) => function.params().len().max(function.results().len()),
        _ => 0,
    };
    types.types().map(values).max().unwrap_or(0)
}
