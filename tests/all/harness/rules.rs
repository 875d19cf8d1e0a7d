//! A plugin that decides by a table of rules: the fixture `rules`.

use guardhouse_tests::guest::{assemble, filled, literal};

use super::fixture;

/// A condition of a rule.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// The action has this name.
    Action(String),
    /// The attribute under a pointer has this JSON text.
    Is(&'static str, String),
    /// It does not, or does not exist.
    IsNot(&'static str, String),
}

/// The address of the table in the fixture.
const TABLE: usize = 1_024;

/// The bytes of an entry.
const ENTRY: usize = 20;

/// The bytes of a plugin that allows if all conditions of one rule hold.
pub(crate) fn rules_plugin(rules: &[Vec<Condition>]) -> Vec<u8> {
    let entries = rules.iter().map(|rule| rule.len() + 1).sum::<usize>() + 1;
    let mut table = Vec::new();
    let mut texts = Vec::new();
    let mut entry = |kind: u8, is_negated: bool, pointer: &str, value: &str| {
        table.extend_from_slice(&[kind, is_negated.into(), 0, 0]);
        for text in [pointer, value] {
            let address = TABLE + entries * ENTRY + texts.len();
            table.extend_from_slice(&u32::try_from(address).unwrap().to_le_bytes());
            table.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
            texts.extend_from_slice(text.as_bytes());
        }
    };
    for rule in rules {
        for condition in rule {
            match condition {
                Condition::Action(name) => entry(2, false, "", name),
                Condition::Is(pointer, value) => entry(3, false, pointer, value),
                Condition::IsNot(pointer, value) => entry(3, true, pointer, value),
            }
        }
        entry(4, false, "", "");
    }
    entry(5, false, "", "");
    table.extend_from_slice(&texts);
    assert!(TABLE + table.len() < 1 << 16, "the table does not fit into the first page");
    assemble(&filled(&fixture("rules"), &[("table", &literal(&table))])).unwrap()
}
