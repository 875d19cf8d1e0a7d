//! The records of the SDK for JavaScript, as TypeScript declares them.

use super::model::{Contract, Field, Kind, Shape};
use super::names::{block_comment, pascal};

pub(crate) fn types(contract: &Contract) -> String {
    let records = contract.layouts.iter().filter_map(|layout| match &layout.shape {
        Shape::Record(name, fields) => Some(format!(
            "\n{}export interface {} {{\n{}}}\n",
            block_comment(&layout.docs, ""),
            pascal(name),
            fields.iter().map(field).collect::<String>()
        )),
        _ => None,
    });
    format!(
        "// The records of {}. Generated from wit/; do not edit.\n{}",
        contract.package,
        records.collect::<String>()
    )
}

fn field(field: &Field) -> String {
    format!("{}  readonly {}: {};\n", block_comment(&field.docs, "  "), camel(&field.name), declaration(&field.kind))
}

fn declaration(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "boolean".to_owned(),
        Kind::S64 => "number".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::List(item) => format!("readonly {}[]", declaration(item)),
        Kind::Option(value) => format!("{} | undefined", declaration(value)),
        Kind::Named(name) => pascal(name),
    }
}

/// `client-id` as `clientId`.
fn camel(name: &str) -> String {
    let name = pascal(name);
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}
