//! Validation against the contract: the right exports, in a known version, of the right types.

use std::fmt::{self, Write};

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use crate::code::shape::Shape;
use crate::error::LoadError;
use crate::interfaces::{CHECK, CONTRACT_VERSIONS, PACKAGE, REQUEST, SETTINGS, STEP_UP, TYPES};
use crate::reads::Document;
use crate::util::text::{Bounded, clip, quoted};

/// The interfaces of the contract that a plugin may export.
const EXPORTS: &[&str] = &[CHECK, SETTINGS, STEP_UP, TYPES];

/// The type of `auth-context`, in the syntax of WIT.
const CONTEXT: &str = "record { token: option<record { client-id: string, subject: option<string>, \
     scopes: list<string>, expires-at: option<s64>, resource-indicator: option<string> }>, \
     component: record { kind: string, name: string, uri: option<string>, version: option<string>, \
     tags: list<string> }, action: string, now: s64 }";

/// The optional interfaces that a plugin exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interfaces {
    pub(crate) settings: bool,
    pub(crate) step_up: bool,
}

/// Checks the name and the version of the contract, before anything is compiled. An interface of the contract in an
/// unknown version is an error too: a plugin whose settings are never read, for example, may allow too much.
pub(crate) fn check_version(shape: &Shape) -> Result<(), LoadError> {
    let strange = shape.exports.iter().filter(|name| !EXPORTS.contains(&name.as_str()));
    if let Some(name) = strange.into_iter().find(|name| name.starts_with(PACKAGE)) {
        let supported = CONTRACT_VERSIONS.join(", ");
        return Err(LoadError::Version { found: clip(name.strip_prefix(PACKAGE).unwrap_or(name)), supported });
    }
    if shape.exports.iter().any(|name| name == CHECK) {
        return Ok(());
    }
    let hint = if shape.exports.iter().any(|name| name == "check") {
        " (a bare function `check` carries no version: export the interface)"
    } else {
        ""
    };
    let found = if shape.exports.is_empty() { "nothing".to_owned() } else { quoted(&shape.exports) };
    Err(LoadError::NoCheck { expected: CHECK.to_owned(), found, hint })
}

/// Checks the types of all exports of the contract.
pub(crate) fn check_types(engine: &Engine, component: &Component) -> Result<Interfaces, LoadError> {
    let check = format!("func(ctx: {CONTEXT}) -> result<bool, record {{ message: string }}>");
    let missing_scopes = format!("func(ctx: {CONTEXT}) -> list<string>");
    expect(engine, component, CHECK, &[("check", &check)])?;
    let settings = expect(
        engine,
        component,
        SETTINGS,
        &[("schema", "func() -> string"), ("configure", "func(settings: string) -> result<_, string>")],
    )?;
    let step_up = expect(engine, component, STEP_UP, &[("missing-scopes", &missing_scopes)])?;
    Ok(Interfaces { settings, step_up })
}

/// Whether an import has nothing but types. A resource is not a mere type: it is made and dropped by its owner.
pub(crate) fn has_types_only(engine: &Engine, component: &Component, import: &str) -> bool {
    fn is_type(engine: &Engine, item: &ComponentItem) -> bool {
        match item {
            ComponentItem::Type(_) => true,
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).all(|(_, export)| is_type(engine, &export.ty))
            }
            ComponentItem::ComponentFunc(_)
            | ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::Resource(_) => false,
        }
    }
    let ty = component.component_type();
    // wasmtime does not list a type that is imported outside of an interface.
    ty.get_import(engine, import).is_none_or(|import| is_type(engine, &import.ty))
}

/// The documents of the request that a component imports functions for.
pub(crate) fn documents(engine: &Engine, component: &Component) -> Vec<Document> {
    let ty = component.component_type();
    let Some(import) = ty.get_import(engine, REQUEST) else { return Vec::new() };
    let ComponentItem::ComponentInstance(instance) = &import.ty else { return Vec::new() };
    let is_imported = |document: &&Document| instance.get_export(engine, document.as_str()).is_some();
    Document::ALL.iter().filter(is_imported).copied().collect()
}

/// Checks the types of the functions of an interface. Returns whether the plugin exports the interface.
///
/// # Errors
/// [`LoadError::WrongType`] if a function has another type than `functions` says.
fn expect(
    engine: &Engine,
    component: &Component,
    interface: &str,
    functions: &[(&str, &str)],
) -> Result<bool, LoadError> {
    let ty = component.component_type();
    let Some(export) = ty.get_export(engine, interface) else { return Ok(false) };
    for (function, expected) in functions {
        let found = match &export.ty {
            ComponentItem::ComponentInstance(instance) => match instance.get_export(engine, function) {
                Some(export) => describe(&export.ty),
                None => "nothing".to_owned(),
            },
            other => describe(other),
        };
        if found != *expected {
            return Err(LoadError::WrongType {
                name: format!("{interface}#{function}"),
                expected: (*expected).to_owned(),
                found,
            });
        }
    }
    Ok(true)
}

/// The maximum length of an untrusted type in an error, in bytes. The contract's own types are shorter.
const MAX_TYPE_BYTES: usize = 2_048;

fn describe(item: &ComponentItem) -> String {
    Bounded::of(MAX_TYPE_BYTES, |out| match item {
        ComponentItem::ComponentFunc(function) => write_function(out, function),
        ComponentItem::CoreFunc(_) => out.write_str("a core function"),
        ComponentItem::Module(_) => out.write_str("a module"),
        ComponentItem::Component(_) => out.write_str("a component"),
        ComponentItem::ComponentInstance(_) => out.write_str("an instance"),
        ComponentItem::Type(_) => out.write_str("a type"),
        ComponentItem::Resource(_) => out.write_str("a resource"),
    })
}

fn write_function(out: &mut Bounded, function: &ComponentFunc) -> fmt::Result {
    out.write_str(if function.async_() { "async func(" } else { "func(" })?;
    write_fields(out, function.params())?;
    out.write_str(")")?;
    for result in function.results() {
        out.write_str(" -> ")?;
        write_type(out, &result)?;
    }
    Ok(())
}

/// Writes a type in the syntax of WIT.
fn write_type(out: &mut Bounded, ty: &Type) -> fmt::Result {
    match ty {
        Type::Bool => out.write_str("bool"),
        Type::S8 => out.write_str("s8"),
        Type::U8 => out.write_str("u8"),
        Type::S16 => out.write_str("s16"),
        Type::U16 => out.write_str("u16"),
        Type::S32 => out.write_str("s32"),
        Type::U32 => out.write_str("u32"),
        Type::S64 => out.write_str("s64"),
        Type::U64 => out.write_str("u64"),
        Type::Float32 => out.write_str("f32"),
        Type::Float64 => out.write_str("f64"),
        Type::Char => out.write_str("char"),
        Type::String => out.write_str("string"),
        Type::List(list) => write_generic(out, "list", [Some(list.ty())]),
        Type::FixedLengthList(list) => write_generic(out, "fixed-length-list", [Some(list.ty())]),
        Type::Map(map) => write_generic(out, "map", [Some(map.key()), Some(map.value())]),
        Type::Option(option) => write_generic(out, "option", [Some(option.ty())]),
        Type::Result(result) => write_generic(out, "result", [result.ok(), result.err()]),
        Type::Tuple(tuple) => write_generic(out, "tuple", tuple.types().map(Some)),
        Type::Record(record) => {
            out.write_str("record { ")?;
            write_fields(out, record.fields().map(|field| (field.name, field.ty)))?;
            out.write_str(" }")
        }
        Type::Variant(variant) => write_names(out, "variant", variant.cases().map(|case| case.name)),
        Type::Enum(names) => write_names(out, "enum", names.names()),
        Type::Flags(names) => write_names(out, "flags", names.names()),
        Type::Own(_) => out.write_str("own<…>"),
        Type::Borrow(_) => out.write_str("borrow<…>"),
        Type::Future(_) => out.write_str("future<…>"),
        Type::Stream(_) => out.write_str("stream<…>"),
        Type::ErrorContext => out.write_str("error-context"),
    }
}

fn write_generic(out: &mut Bounded, name: &str, types: impl IntoIterator<Item = Option<Type>>) -> fmt::Result {
    write!(out, "{name}<")?;
    for (index, ty) in types.into_iter().enumerate() {
        out.write_str(if index == 0 { "" } else { ", " })?;
        match ty {
            Some(ty) => write_type(out, &ty)?,
            None => out.write_str("_")?,
        }
    }
    out.write_str(">")
}

fn write_fields<'a>(out: &mut Bounded, fields: impl IntoIterator<Item = (&'a str, Type)>) -> fmt::Result {
    for (index, (name, ty)) in fields.into_iter().enumerate() {
        write!(out, "{}{name}: ", if index == 0 { "" } else { ", " })?;
        write_type(out, &ty)?;
    }
    Ok(())
}

fn write_names<'a>(out: &mut Bounded, what: &str, names: impl IntoIterator<Item = &'a str>) -> fmt::Result {
    write!(out, "{what} {{ ")?;
    for (index, name) in names.into_iter().enumerate() {
        write!(out, "{}{name}", if index == 0 { "" } else { ", " })?;
    }
    out.write_str(" }")
}
