//! What makes a small plugin large for whoever reads or compiles it: types in types, blocks in blocks, blocks that take
//! or leave many values.
//!
//! How deep types are nested is found out without recursion. The parser reads a nested type by calling itself: a few
//! bytes for each level, and a plugin of some megabytes would overflow the host's stack.

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, CompositeInnerType, FunctionBody, Operator, RecGroup, Result,
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

/// How deep the blocks of a function are nested.
pub(crate) fn blocks(body: &FunctionBody<'_>) -> Result<usize> {
    let (mut depth, mut deepest) = (0_usize, 0);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Operator::End => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(deepest)
}

/// The most parameters, or results, of a function type in a group.
pub(crate) fn values(types: &RecGroup) -> usize {
    let values = |ty: &wasmparser::SubType| match &ty.composite_type.inner {
        CompositeInnerType::Func(function) => function.params().len().max(function.results().len()),
        _ => 0,
    };
    types.types().map(values).max().unwrap_or(0)
}
