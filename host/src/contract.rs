//! Whether a component keeps the contract: the right exports, in a known version, of the right types.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use crate::error::LoadError;
use crate::shape::Shape;

/// The versions of the contract that this host runs.
pub const CONTRACT_VERSIONS: &[&str] = &["0.1.0"];

const CHECK: &str = "guardhouse:auth/check@0.1.0";
const SETTINGS: &str = "guardhouse:auth/settings@0.1.0";
const STEP_UP: &str = "guardhouse:auth/step-up@0.1.0";

const CONTEXT: &str = "record { token: option<record { client-id: string, subject: option<string>, \
     scopes: list<string>, expires-at: option<s64>, resource-indicator: option<string> }>, \
     component: record { kind: string, name: string, uri: option<string>, version: option<string>, \
     tags: list<string> }, action: string, now: s64 }";

/// Which of the optional interfaces a plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interfaces {
    pub(crate) settings: bool,
    pub(crate) step_up: bool,
}

/// The name and version of the contract, before anything is compiled.
pub(crate) fn check_version(shape: &Shape) -> Result<(), LoadError> {
    if shape.exports.iter().any(|name| name == CHECK) {
        return Ok(());
    }
    let supported = CONTRACT_VERSIONS.join(", ");
    let versions = shape.exports.iter().filter_map(|name| name.strip_prefix("guardhouse:auth/check@"));
    if let Some(found) = versions.into_iter().next() {
        return Err(LoadError::Version { found: found.to_owned(), supported });
    }
    let hint = if shape.exports.iter().any(|name| name == "check") {
        " (a bare function `check` carries no version: export the interface)"
    } else {
        ""
    };
    let found = if shape.exports.is_empty() { "nothing".to_owned() } else { quoted(&shape.exports) };
    Err(LoadError::NoCheck { expected: CHECK.to_owned(), found, hint })
}

/// The types of everything that the contract names.
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

/// Whether the interface is there; an error if it is and does not fit.
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
                Some(export) => describe_item(&export.ty),
                None => "nothing".to_owned(),
            },
            other => describe_item(other),
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

pub(crate) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn describe_item(item: &ComponentItem) -> String {
    match item {
        ComponentItem::ComponentFunc(function) => describe_function(function),
        ComponentItem::CoreFunc(_) => "a core function".to_owned(),
        ComponentItem::Module(_) => "a module".to_owned(),
        ComponentItem::Component(_) => "a component".to_owned(),
        ComponentItem::ComponentInstance(_) => "an instance".to_owned(),
        ComponentItem::Type(_) => "a type".to_owned(),
        ComponentItem::Resource(_) => "a resource".to_owned(),
    }
}

fn describe_function(function: &ComponentFunc) -> String {
    let parameters: Vec<String> = function.params().map(|(name, ty)| format!("{name}: {}", describe(&ty, 0))).collect();
    let results: Vec<String> = function.results().map(|ty| describe(&ty, 0)).collect();
    let prefix = if function.async_() { "async func" } else { "func" };
    let arrow = if results.is_empty() { String::new() } else { format!(" -> {}", results.join(", ")) };
    format!("{prefix}({}){arrow}", parameters.join(", "))
}

/// A type as WIT would write it. A stranger's type may be deep: below eight levels it is cut.
fn describe(ty: &Type, depth: usize) -> String {
    if depth > 8 {
        return "…".to_owned();
    }
    let inner = |ty: &Type| describe(ty, depth + 1);
    let maybe = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| describe(&ty, depth + 1));
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::Float32 => "f32".to_owned(),
        Type::Float64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(list) => format!("list<{}>", inner(&list.ty())),
        Type::Option(option) => format!("option<{}>", inner(&option.ty())),
        Type::Result(result) => format!("result<{}, {}>", maybe(result.ok()), maybe(result.err())),
        Type::Record(record) => {
            let fields: Vec<String> =
                record.fields().take(16).map(|field| format!("{}: {}", field.name, inner(&field.ty))).collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        Type::Tuple(tuple) => {
            let types: Vec<String> = tuple.types().take(16).map(|ty| inner(&ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        Type::Variant(variant) => {
            let cases: Vec<&str> = variant.cases().take(16).map(|case| case.name).collect();
            format!("variant {{ {} }}", cases.join(", "))
        }
        Type::Enum(names) => {
            let names: Vec<&str> = names.names().take(16).collect();
            format!("enum {{ {} }}", names.join(", "))
        }
        Type::Flags(names) => {
            let names: Vec<&str> = names.names().take(16).collect();
            format!("flags {{ {} }}", names.join(", "))
        }
        Type::Map(map) => format!("map<{}, {}>", inner(&map.key()), inner(&map.value())),
        Type::FixedLengthList(list) => format!("list<{}, {}>", inner(&list.ty()), list.len()),
        Type::Own(_) => "own<…>".to_owned(),
        Type::Borrow(_) => "borrow<…>".to_owned(),
        Type::Future(_) => "future<…>".to_owned(),
        Type::Stream(_) => "stream<…>".to_owned(),
        Type::ErrorContext => "error-context".to_owned(),
    }
}
