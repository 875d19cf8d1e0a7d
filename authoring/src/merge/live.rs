//! The functions of the merged module that can be called, and the globals that these write.
//!
//! The tools that link a plugin run the start-up functions of its libraries, and take a snapshot after that. Nothing
//! calls these functions any more, and they alone write the addresses of the libraries into globals.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use wasmparser::{ConstExpr, ElementItems, FunctionBody, Operator, Parser, Payload, TableInit};

use super::kind::Kind;
use super::merged::{Member, Merged};

/// The functions that can be called, and the globals that are written, by their indices before any is left out.
#[derive(Default)]
pub(super) struct Live {
    pub(super) functions: BTreeSet<u32>,
    pub(super) written: BTreeSet<u32>,
    /// The functions whose references others take, although nothing else in the merged module names them. Their own
    /// modules export them.
    pub(super) undeclared: BTreeSet<u32>,
}

/// The functions that a function names, those of them whose references it takes, and the globals that it writes.
#[derive(Default)]
struct Uses {
    functions: Vec<u32>,
    references: Vec<u32>,
    written: Vec<u32>,
}

impl Live {
    /// Follows the functions from the exports of the merged module, from its tables and from its globals.
    pub(super) fn of(merged: &Merged<'_>, exports: &BTreeSet<(Kind, u32)>) -> Result<Self> {
        let mut uses = BTreeMap::new();
        let mut open: Vec<u32> =
            exports.iter().filter(|export| export.0 == Kind::Function).map(|export| export.1).collect();
        for member in merged.in_order() {
            read(member, &mut uses, &mut open)?;
        }
        let declared: BTreeSet<u32> = open.iter().copied().collect();
        let mut live = Self::default();
        while let Some(function) = open.pop() {
            // Functions of others have no uses here.
            if live.functions.insert(function)
                && let Some(uses) = uses.get(&function)
            {
                open.extend(&uses.functions);
                live.undeclared.extend(uses.references.iter().filter(|function| !declared.contains(function)));
                live.written.extend(&uses.written);
            }
        }
        Ok(live)
    }
}

/// Adds the uses of each function of a member, and the functions that are named outside functions to `named`.
fn read(member: &Member<'_>, uses: &mut BTreeMap<u32, Uses>, named: &mut Vec<u32>) -> Result<()> {
    let mut position = 0;
    for payload in Parser::new(0).parse_all(member.module) {
        match payload? {
            Payload::TableSection(section) => {
                for table in section {
                    if let TableInit::Expr(expression) = table?.init {
                        read_expression(member, &expression, named)?;
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    read_expression(member, &global?.init_expr, named)?;
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                named.push(member.index(Kind::Function, function?)?);
                            }
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                read_expression(member, &expression?, named)?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                uses.insert(member.definition(Kind::Function, position)?, Uses::of(member, &body)?);
                position += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_expression(member: &Member<'_>, expression: &ConstExpr<'_>, named: &mut Vec<u32>) -> Result<()> {
    for operator in expression.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator? {
            named.push(member.index(Kind::Function, function_index)?);
        }
    }
    Ok(())
}

impl Uses {
    /// If an operator names a function in another way, the function can be left out, and then the merged module cannot
    /// be encoded.
    fn of(member: &Member<'_>, body: &FunctionBody<'_>) -> Result<Self> {
        let mut uses = Self::default();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    uses.functions.push(member.index(Kind::Function, function_index)?);
                }
                Operator::RefFunc { function_index } => {
                    let function = member.index(Kind::Function, function_index)?;
                    uses.functions.push(function);
                    uses.references.push(function);
                }
                Operator::GlobalSet { global_index } => uses.written.push(member.index(Kind::Global, global_index)?),
                _ => {}
            }
        }
        Ok(uses)
    }
}
