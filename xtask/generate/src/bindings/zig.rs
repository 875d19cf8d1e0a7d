//! The canonical ABI for Zig.

use std::fmt::Write;

use super::model::{Call, Contract, Kind, Layout, Shape};
use super::names::{line_comment, snake};

pub(crate) fn abi(contract: &Contract) -> String {
    let mut text = format!(
        "//! The types, imports and exports of {}, laid out as the host lays them out.\n\
         //! Generated from wit/; do not edit.\n",
        contract.package
    );
    for layout in &contract.layouts {
        text += &format!("\n{}", definition(layout));
    }
    text += "\n/// The names of exports.\npub const names = struct {\n";
    for call in &contract.exports {
        let (name, full) = (call.snake_name(), call.full_name());
        let _ = writeln!(text, "    pub const {name} = \"{full}\";\n    pub const {name}_post = \"cabi_post_{full}\";");
    }
    text += "    pub const realloc = \"cabi_realloc\";\n};\n";
    for calls in contract.imports.chunk_by(|call, next| call.interface == next.interface) {
        text += &import(calls);
    }
    text += "\ncomptime {\n    if (@sizeOf(usize) == 4) {\n";
    contract.layouts.iter().for_each(|layout| text += &assertions(layout));
    text + "    }\n}\n"
}

/// The functions of one interface: a string is a pointer and a length, and the last parameter points to the result.
fn import(calls: &[Call]) -> String {
    let Some(Call { interface, short, .. }) = calls.first() else { return String::new() };
    let functions = calls.iter().map(|call| {
        let mut parameters: Vec<String> = call.parameters.iter().map(|(name, kind)| parameter(name, kind)).collect();
        parameters.extend(call.result.as_ref().map(|kind| format!("result: *{}", zig_type(kind))));
        format!(
            "{}    pub extern \"{interface}\" fn {}({}) void;\n",
            comment(&call.docs, "    "),
            snake(&call.name),
            parameters.join(", ")
        )
    });
    format!(
        "\n/// The imports from `{interface}`.\npub const {} = struct {{\n{}}};\n",
        snake(short),
        functions.collect::<String>()
    )
}

fn parameter(name: &str, kind: &Kind) -> String {
    let name = snake(name);
    match kind {
        Kind::String => format!("{name}: [*]const u8, {name}_length: usize"),
        // An enumeration.
        _ => format!("{name}: i32"),
    }
}

fn definition(layout: &Layout) -> String {
    let name = name(&layout.shape);
    match &layout.shape {
        Shape::String => {
            structure(&name, "Text: `length` bytes of UTF-8 at `data`.", "    data: [*]const u8,\n    length: usize,\n")
        }
        Shape::List(item) => structure(
            &name,
            "`length` items at `data`.",
            &format!("    data: [*]const {},\n    length: usize,\n", zig_type(item)),
        ),
        Shape::Option(value, _) => structure(
            &name,
            "A value that may be none: `value` means something only if `is_some`.",
            &format!("    is_some: bool,\n    value: {},\n", zig_type(value)),
        ),
        Shape::Record(_, fields) => {
            let fields = fields.iter().map(|field| {
                let (name, zig_type) = (snake(&field.name), zig_type(&field.kind));
                format!("{}    {name}: {zig_type},\n", comment(&field.docs, "    "))
            });
            structure(&name, &layout.docs, &fields.collect::<String>())
        }
        Shape::Result(ok, error, _) => {
            let ok = ok.as_ref().map(|ok| format!("        ok: {},\n", zig_type(ok))).unwrap_or_default();
            structure(
                &name,
                "An error if `is_err`, and a value if not.",
                &format!(
                    "    is_err: bool,\n    value: extern union {{\n{ok}        err: {},\n    }},\n",
                    zig_type(error)
                ),
            )
        }
        Shape::Enum(_, cases) => {
            let cases = cases
                .iter()
                .map(|case| format!("{}    {},\n", comment(&case.docs, "    "), identifier(&snake(&case.name))));
            format!("{}pub const {name} = enum(u8) {{\n{}}};\n", comment(&layout.docs, ""), cases.collect::<String>())
        }
    }
}

fn structure(name: &str, docs: &str, fields: &str) -> String {
    format!("{}pub const {name} = extern struct {{\n{fields}}};\n", comment(docs, ""))
}

fn assertions(layout: &Layout) -> String {
    let name = name(&layout.shape);
    let offset = |field: &str, offset: usize| {
        format!("        if (@offsetOf({name}, \"{field}\") != {offset}) @compileError(\"{name}.{field}\");\n")
    };
    let Some(offsets) = layout.shape.offsets() else { return String::new() };
    let fields: String = offsets.iter().map(|(field, place)| offset(field, *place)).collect();
    format!("        if (@sizeOf({name}) != {}) @compileError(\"{name}\");\n{fields}", layout.size)
}

fn name(shape: &Shape) -> String {
    match (shape, shape.kind()) {
        (Shape::Result(ok, error, _), _) => {
            format!("Result{}{}", ok.as_ref().map_or("Void".to_owned(), Kind::word), error.word())
        }
        (_, kind) => kind.as_ref().map(zig_type).unwrap_or_default(),
    }
}

fn zig_type(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "i64".to_owned(),
        _ => kind.word(),
    }
}

/// An identifier; among the names of the contract, only `error` is a keyword.
fn identifier(name: &str) -> String {
    if name == "error" { format!("@\"{name}\"") } else { name.to_owned() }
}

fn comment(docs: &str, indent: &str) -> String {
    line_comment(docs, indent, "///")
}
