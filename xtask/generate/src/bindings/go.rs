//! The canonical ABI for Go, whose pointers have 64 bits where the host's have 32.

use std::fmt::Write;

use super::model::{Call, Contract, Kind, Layout, Shape};
use super::names::{line_comment, pascal};

pub(crate) fn abi(contract: &Contract) -> String {
    let mut text = format!(
        "//go:build wasip1\n\n// Code generated from wit/ by `cargo xtask bindings`. DO NOT EDIT.\n\n\
         // Package abi is the canonical ABI of the package {}: how its records lie in memory,\n\
         // and its functions.\npackage abi\n\nimport (\n\t\"structs\"\n\t\"unsafe\"\n)\n",
        contract.package
    );
    for layout in &contract.layouts {
        text += &format!("\n{}", definition(layout));
    }
    for call in &contract.imports {
        text += &format!("\n{}", import(call));
    }
    text += "\n// The names of the exports.\nconst (\n";
    let width = contract.exports.iter().map(|call| export(call).len()).max().unwrap_or_default();
    for call in &contract.exports {
        let _ = writeln!(text, "\t{:width$} = \"{}\"", export(call), call.full_name());
    }
    text + ")\n"
}

fn export(call: &Call) -> String {
    format!("Export{}{}", pascal(&call.short), pascal(&call.name))
}

fn import(call: &Call) -> String {
    // Go's style avoids the repetition in `abi.LoggingLog`.
    let name = if call.short == "logging" { String::new() } else { pascal(&call.short) } + &pascal(&call.name);
    let mut parameters: Vec<String> = call
        .parameters
        .iter()
        .map(|(name, kind)| match kind {
            Kind::String => format!("{name} string"),
            _ => format!("{name} uint32"),
        })
        .collect();
    parameters.extend(call.result.as_ref().map(|kind| format!("result *{}", go_type(kind))));
    format!(
        "// {name} is the import `{}`.\n//\n{}//\n//go:wasmimport {} {}\nfunc {name}({})\n",
        call.full_name(),
        comment(&call.docs, ""),
        call.interface,
        call.name,
        parameters.join(", ")
    )
}

fn definition(layout: &Layout) -> String {
    if let Shape::Enum(name, cases) = &layout.shape {
        let names: Vec<String> = cases.iter().map(|case| field_name(&format!("{name}-{}", case.name))).collect();
        let width = names.iter().map(String::len).max().unwrap_or_default();
        let lines = names.iter().enumerate().map(|(index, name)| format!("\t{name:width$} = {index}\n"));
        return format!("// The cases of `{name}`.\nconst (\n{})\n", lines.collect::<String>());
    }
    let (name, wit) = names(&layout.shape);
    let fields = fields(&layout.shape);
    let documented = fields.iter().any(|field| !field.docs.is_empty());
    // gofmt aligns the types of fields that have no comment between them.
    let width = if documented { 0 } else { fields.iter().map(|field| field.name.len()).max().unwrap_or_default() };
    let mut text = format!("// {name} is `{wit}`.\n");
    if !layout.docs.is_empty() {
        text += &format!("//\n{}", comment(&layout.docs, ""));
    }
    let _ = writeln!(text, "type {name} struct {{\n\t{:width$} structs.HostLayout", "_");
    for (index, field) in fields.iter().enumerate() {
        // The fields after the last comment are aligned with each other.
        let follows: usize = fields
            .iter()
            .skip(index)
            .take_while(|other| std::ptr::eq(*other, field) || other.docs.is_empty())
            .map(|other| other.name.len())
            .max()
            .unwrap_or_default();
        let width = if documented { follows } else { width };
        let _ = writeln!(text, "{}\t{:width$} {}", comment(&field.docs, "\t"), field.name, field.go_type);
    }
    text += "}\n";
    if let Shape::Result(Some(ok), ..) = &layout.shape {
        let ok = go_type(ok);
        text += &format!(
            "\n// OK is where the value lies if the tag is 0.\nfunc (result *{name}) OK() *{ok} {{\n\
             \treturn (*{ok})(unsafe.Pointer(&result.Error))\n}}\n"
        );
    }
    text + &assertions(&name, layout.size, &fields)
}

/// Assertions about sizes and offsets: arrays whose lengths must be equal.
fn assertions(name: &str, size: usize, fields: &[FieldLayout]) -> String {
    let mut lines = vec![(format!("[{size}]byte"), format!("[unsafe.Sizeof({name}{{}})]byte{{}}"))];
    for field in fields {
        lines
            .push((format!("[{}]byte", field.offset), format!("[unsafe.Offsetof({name}{{}}.{})]byte{{}}", field.name)));
    }
    let width = lines.iter().map(|(left, _)| left.len()).max().unwrap_or_default();
    let lines: String = lines.iter().map(|(left, right)| format!("\t_ {left:width$} = {right}\n")).collect();
    format!("\nvar (\n{lines})\n")
}

struct FieldLayout {
    name: String,
    docs: String,
    go_type: String,
    offset: usize,
}

fn fields(shape: &Shape) -> Vec<FieldLayout> {
    let field = |name: &str, docs: &str, go_type: &str, offset: usize| FieldLayout {
        name: name.to_owned(),
        docs: docs.to_owned(),
        go_type: go_type.to_owned(),
        offset,
    };
    match shape {
        Shape::String | Shape::List(_) => vec![field("Pointer", "", "uint32", 0), field("Length", "", "uint32", 4)],
        Shape::Option(value, offset) => {
            vec![field("Some", "", "uint8", 0), field("Value", "", &go_type(value), *offset)]
        }
        Shape::Result(_, error, offset) => {
            vec![field("Tag", "0 for ok, 1 for an error.", "uint8", 0), field("Error", "", &go_type(error), *offset)]
        }
        Shape::Record(_, fields) => fields
            .iter()
            .map(|each| field(&field_name(&each.name), &each.docs, &go_type(&each.kind), each.offset))
            .collect(),
        Shape::Enum(..) => Vec::new(),
    }
}

/// The names of a layout in Go and in WIT.
fn names(shape: &Shape) -> (String, String) {
    match (shape, shape.kind()) {
        (Shape::Result(ok, error, _), _) => (
            format!("Result{}{}", ok.as_ref().map_or("Unit".to_owned(), Kind::word), error.word()),
            format!("result<{}, {}>", ok.as_ref().map_or("_".to_owned(), wit), wit(error)),
        ),
        (_, kind) => kind.map(|kind| (go_type(&kind), wit(&kind))).unwrap_or_default(),
    }
}

fn go_type(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "int64".to_owned(),
        _ => kind.word(),
    }
}

fn wit(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "s64".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::List(item) => format!("list<{}>", wit(item)),
        Kind::Option(value) => format!("option<{}>", wit(value)),
        Kind::Named(name) => name.clone(),
    }
}

/// A name with the initialisms of Go's style.
fn field_name(name: &str) -> String {
    match name {
        "client-id" => "ClientID".to_owned(),
        "uri" => "URI".to_owned(),
        _ => pascal(name),
    }
}

fn comment(docs: &str, indent: &str) -> String {
    line_comment(docs, indent, "//")
}
