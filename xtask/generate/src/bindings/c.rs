//! The headers of the SDK for C.

use std::fmt::Write;

use super::model::{Contract, Kind, Layout, Shape};
use super::names::{block_comment, snake};

/// The header with the types that authors see.
pub(crate) fn types(contract: &Contract) -> String {
    let mut text = format!(
        "/* The types of {}, in the memory layout of the host. Generated from wit/; do not edit. */\n\
         #ifndef GUARDHOUSE_TYPES_H\n#define GUARDHOUSE_TYPES_H\n\n\
         #include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n",
        contract.package
    );
    let layouts = || contract.layouts.iter().filter(|layout| !matches!(layout.shape, Shape::Result(..)));
    for layout in layouts() {
        text += &format!("\n{}", definition(layout));
    }
    text += "\n#ifdef __wasm32__\n";
    layouts().for_each(|layout| text += &assertions(layout));
    text += "#endif\n\n#endif\n";
    text
}

/// The header with the imports and exports, which only the SDK sees.
pub(crate) fn abi(contract: &Contract) -> String {
    let mut text = format!(
        "/* The imports and exports of {}. Generated from wit/; do not edit. */\n\
         #ifndef GUARDHOUSE_ABI_H\n#define GUARDHOUSE_ABI_H\n\n\
         #include \"guardhouse_types.h\"\n\n\
         #ifdef __wasm__\n\
         #define GH_ABI_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))\n\
         #define GH_ABI_EXPORT(name) __attribute__((export_name(name)))\n\
         #else\n#define GH_ABI_IMPORT(module, name)\n#define GH_ABI_EXPORT(name)\n#endif\n\n\
         /* The results of exports. */\n\n",
        contract.package
    );
    contract.results().for_each(|layout| text += &format!("{}\n", definition(layout)));
    text += "#ifdef __wasm32__\n";
    contract.results().for_each(|layout| text += &assertions(layout));
    text += "#endif\n\n/* The names of exports. */\n\n";
    for call in &contract.exports {
        let (name, full) = (call.snake_name().to_uppercase(), call.full_name());
        let _ = writeln!(text, "#define GH_ABI_{name} \"{full}\"\n#define GH_ABI_{name}_POST \"cabi_post_{full}\"");
    }
    text += "#define GH_ABI_REALLOC \"cabi_realloc\"\n\n\
             /* The imports. A string is a pointer and a length; a result is written to the last parameter. */\n\n";
    for call in &contract.imports {
        let mut parameters: Vec<String> = call.parameters.iter().map(|(name, kind)| parameter(name, kind)).collect();
        parameters.extend(call.result.as_ref().map(|kind| format!("{} *result", ctype(kind))));
        let name = call.snake_name();
        let _ = writeln!(text, "GH_ABI_IMPORT(\"{}\", \"{}\")", call.interface, call.name);
        let _ = writeln!(text, "void gh_abi_{name}({});", parameters.join(", "));
    }
    text += "\n#endif\n";
    text
}

fn parameter(name: &str, kind: &Kind) -> String {
    let name = snake(name);
    match kind {
        Kind::String => format!("const char *{name}, size_t {name}_length"),
        // An enumeration.
        _ => format!("int32_t {name}"),
    }
}

fn definition(layout: &Layout) -> String {
    let name = name(&layout.shape);
    let docs = |text: &str| block_comment(text, "");
    match &layout.shape {
        Shape::String => format!(
            "/** Text: `length` bytes of UTF-8 at `data`. It is not terminated by a zero byte, but may contain some. */\n\
             typedef struct {name} {{\n    const char *data;\n    size_t length;\n}} {name};\n"
        ),
        Shape::List(item) => format!(
            "/** A list: `length` items at `data`. */\n\
             typedef struct {name} {{\n    const {} *data;\n    size_t length;\n}} {name};\n",
            ctype(item)
        ),
        Shape::Option(value, _) => format!(
            "/** An optional value: `value` is valid only if `is_some`. */\n\
             typedef struct {name} {{\n    bool is_some;\n    {} value;\n}} {name};\n",
            ctype(value)
        ),
        Shape::Record(_, fields) => {
            let fields = fields.iter().map(|field| {
                format!("{}    {} {};\n", block_comment(&field.docs, "    "), ctype(&field.kind), snake(&field.name))
            });
            format!("{}typedef struct {name} {{\n{}}} {name};\n", docs(&layout.docs), fields.collect::<String>())
        }
        Shape::Result(ok, error, _) => {
            let ok = ok.as_ref().map(|ok| format!("        {} ok;\n", ctype(ok))).unwrap_or_default();
            format!(
                "typedef struct {name} {{\n    bool is_err;\n    union {{\n{ok}        {} err;\n    }} value;\n}} {name};\n",
                ctype(error)
            )
        }
        Shape::Enum(_, cases) => {
            let cases = cases.iter().map(|case| {
                let case_name = format!("{name}_{}", snake(&case.name)).to_uppercase();
                format!("{}    {case_name},\n", block_comment(&case.docs, "    "))
            });
            format!("{}typedef enum {name} {{\n{}}} {name};\n", docs(&layout.docs), cases.collect::<String>())
        }
    }
}

fn assertions(layout: &Layout) -> String {
    let name = name(&layout.shape);
    let offset = |field: &str, offset: usize| {
        format!("_Static_assert(offsetof({name}, {field}) == {offset}, \"{name}.{field}\");\n")
    };
    let Some(offsets) = layout.shape.offsets() else { return String::new() };
    let fields: String = offsets.iter().map(|(field, place)| offset(field, *place)).collect();
    format!("_Static_assert(sizeof({name}) == {}, \"{name}\");\n{fields}", layout.size)
}

fn name(shape: &Shape) -> String {
    match (shape, shape.kind()) {
        (Shape::Result(ok, error, _), _) => {
            format!("gh_result_{}_{}", ok.as_ref().map_or("void".to_owned(), word), word(error))
        }
        (_, kind) => kind.as_ref().map(ctype).unwrap_or_default(),
    }
}

fn ctype(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "int64_t".to_owned(),
        _ => format!("gh_{}", word(kind)),
    }
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::S64 => "s64".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::List(item) => format!("list_{}", word(item)),
        Kind::Option(value) => format!("option_{}", word(value)),
        Kind::Named(name) => snake(name),
    }
}
