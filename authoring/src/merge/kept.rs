//! The definitions that stay in the merged module.
//!
//! Functions that nothing calls are left out, and so are globals that nothing writes: each `global.get` of them becomes
//! a number. Every instance has an entry for each of its globals, and a runtime knows more about a number.

use std::collections::BTreeSet;

use anyhow::Result;
use wasmparser::{Parser, Payload};

use super::constant::{Constants, Value, evaluate};
use super::kind::Kind;
use super::live::Live;
use super::merged::{Member, Merged};

/// The functions and globals that stay, and the values of globals.
pub(super) struct Kept {
    /// The final index of each function, at its index before any is left out.
    functions: Vec<Option<u32>>,
    globals: Vec<Option<u32>>,
    constants: Constants,
    /// The final indices of functions that a segment must declare, so that others may take references of them.
    pub(super) undeclared: Vec<u32>,
}

impl Kept {
    /// The definitions that stay in a module with the given exports.
    pub(super) fn of(merged: &Merged<'_>, exports: &BTreeSet<(Kind, u32)>) -> Result<Self> {
        let live = Live::of(merged, exports)?;
        let mut constants = Constants::new();
        for member in merged.in_order() {
            record_constants(member, &live, exports, &mut constants)?;
        }
        let functions = numbered(merged, Kind::Function, |function| live.functions.contains(&function));
        let globals = numbered(merged, Kind::Global, |global| {
            !constants.contains_key(&global) || exports.contains(&(Kind::Global, global))
        });
        let undeclared = live.undeclared.iter().filter_map(|function| *functions.get(*function as usize)?).collect();
        Ok(Self { functions, globals, constants, undeclared })
    }

    /// The final index of a definition; none if it is left out.
    pub(super) fn index(&self, kind: Kind, index: u32) -> Option<u32> {
        let indices = match kind {
            Kind::Function => &self.functions,
            Kind::Global => &self.globals,
            Kind::Table | Kind::Memory | Kind::Tag => return Some(index),
        };
        *indices.get(index as usize)?
    }

    /// The value of a global, by its index before any is left out; none if it depends on the instance, or can change.
    pub(super) fn constant(&self, global: u32) -> Option<Value> {
        self.constants.get(&global).copied()
    }
}

/// Numbers the imports of a kind, which stay, and the definitions that `stays` selects.
fn numbered(merged: &Merged<'_>, kind: Kind, stays: impl Fn(u32) -> bool) -> Vec<Option<u32>> {
    let imported = merged.imports.iter().filter(|import| import.kind == kind).count();
    let mut places = 0_u32..;
    let stay = (0..merged.count(kind)).map(|index| (index as usize) < imported || stays(index));
    stay.map(|stays| stays.then(|| places.next()).flatten()).collect()
}

/// Records the globals of a member whose value is known, and which nothing writes: no function, and no other module.
fn record_constants(
    member: &Member<'_>,
    live: &Live,
    exports: &BTreeSet<(Kind, u32)>,
    constants: &mut Constants,
) -> Result<()> {
    for payload in Parser::new(0).parse_all(member.module) {
        let Payload::GlobalSection(section) = payload? else { continue };
        for (position, global) in (0_u32..).zip(section) {
            let global = global?;
            let index = member.definition(Kind::Global, position)?;
            let can_change =
                global.ty.mutable && (live.written.contains(&index) || exports.contains(&(Kind::Global, index)));
            let value = evaluate(&global.init_expr, |global| {
                constants.get(&member.indices.get(Kind::Global, global)?).copied()
            });
            if let Some(value) = value.filter(|_| !can_change) {
                constants.insert(index, value);
            }
        }
    }
    Ok(())
}
