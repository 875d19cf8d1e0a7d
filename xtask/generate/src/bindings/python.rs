//! The records of the SDK for Python.

use super::model::{Contract, Field, Kind, Shape};
use super::names::{pascal, snake};

/// The records that authors see without a wrapper.
const RECORDS: [&str; 2] = ["access-token", "component"];

pub(crate) fn types(contract: &Contract) -> String {
    let mut text = format!(
        "\"\"\"The records of `{}`. Generated from wit/; do not edit.\"\"\"\n\n\
         from __future__ import annotations\n\nfrom dataclasses import dataclass\n",
        contract.package
    );
    for layout in &contract.layouts {
        let Shape::Record(name, fields) = &layout.shape else { continue };
        if RECORDS.contains(&name.as_str()) {
            text += &format!(
                "\n\n@dataclass(frozen=True, slots=True)\nclass {}:\n    {}\n\n{}",
                pascal(name),
                docstring(&layout.docs),
                fields.iter().map(field).collect::<String>()
            );
        }
    }
    text
}

fn field(field: &Field) -> String {
    format!("    {}: {}\n    {}\n", snake(&field.name), annotation(&field.kind), docstring(&field.docs))
}

/// A docstring, which must neither start nor end with a quotation mark.
fn docstring(docs: &str) -> String {
    let docs = docs.lines().map(str::trim).collect::<Vec<_>>().join("\n    ");
    let docs = if docs.starts_with('"') { format!(" {docs}") } else { docs };
    format!("\"\"\"{docs}\"\"\"")
}

fn annotation(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "int".to_owned(),
        Kind::String => "str".to_owned(),
        Kind::List(item) => format!("list[{}]", annotation(item)),
        Kind::Option(value) => format!("{} | None", annotation(value)),
        Kind::Named(name) => pascal(name),
    }
}
