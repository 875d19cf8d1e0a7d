//! The contract, as far as bindings need it: its types in an order in which each comes after what it is made of, with
//! sizes and places in memory.

use anyhow::{Context, Result, bail};
use guardhouse_authoring::contract;
use wit_parser::{Docs, Function, Interface, Resolve, SizeAlign, Type, TypeDefKind};

/// Everything that bindings are made from.
#[derive(Debug)]
pub(crate) struct Contract {
    /// `guardhouse:auth@0.1.0`.
    pub(crate) package: String,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) imports: Vec<Call>,
    pub(crate) exports: Vec<Call>,
}

/// A type that lies in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: Shape,
    pub(crate) docs: String,
    /// In bytes, on wasm32.
    pub(crate) size: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    String,
    /// `list<T>`
    List(Kind),
    /// `option<T>`, and where the value lies.
    Option(Kind, usize),
    Record(String, Vec<Field>),
    /// `result<T, E>`, and where the value and the error lie.
    Result(Option<Kind>, Kind, usize),
    Enum(String, Vec<Named>),
}

impl Shape {
    /// The type that has the shape; none for a result, which is no type of a field.
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::String => Kind::String,
            Self::List(item) => Kind::List(Box::new(item.clone())),
            Self::Option(value, _) => Kind::Option(Box::new(value.clone())),
            Self::Record(name, _) | Self::Enum(name, _) => Kind::Named(name.clone()),
            Self::Result(..) => return None,
        })
    }

    /// Where each part lies, under the names that C and Zig have for them; none for an enumeration.
    pub(crate) fn offsets(&self) -> Option<Vec<(String, usize)>> {
        Some(match self {
            Self::Enum(..) => return None,
            Self::String | Self::List(_) => vec![("data".to_owned(), 0), ("length".to_owned(), 4)],
            Self::Option(_, value) | Self::Result(_, _, value) => vec![("value".to_owned(), *value)],
            Self::Record(_, fields) => fields.iter().map(|field| (snake(&field.name), field.offset)).collect(),
        })
    }
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) kind: Kind,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) docs: String,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    S64,
    String,
    List(Box<Kind>),
    Option(Box<Kind>),
    Named(String),
}

impl Kind {
    /// As Go and Zig call it: `list<string>` is `ListString`.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Bool => "Bool".to_owned(),
            Self::S64 => "S64".to_owned(),
            Self::String => "String".to_owned(),
            Self::List(item) => format!("List{}", item.word()),
            Self::Option(value) => format!("Option{}", value.word()),
            Self::Named(name) => pascal(name),
        }
    }
}

/// A function of an interface.
#[derive(Debug)]
pub(crate) struct Call {
    /// `guardhouse:auth/request@0.1.0`.
    pub(crate) interface: String,
    /// `request`.
    pub(crate) short: String,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) parameters: Vec<(String, Kind)>,
    pub(crate) result: Option<Kind>,
}

impl Call {
    /// `guardhouse:auth/request@0.1.0#claim`, which is also the name of an export.
    pub(crate) fn full_name(&self) -> String {
        format!("{}#{}", self.interface, self.name)
    }

    /// `request_claim`.
    pub(crate) fn snake_name(&self) -> String {
        snake(&format!("{}-{}", self.short, self.name))
    }
}

impl Contract {
    /// Reads `wit/`.
    pub(crate) fn read() -> Result<Self> {
        let resolve = contract::resolve()?;
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let mut reader = Reader { resolve: &resolve, sizes: &sizes, layouts: Vec::new() };
        let interface = |name: &str| {
            let mut interfaces = resolve.interfaces.iter().map(|(_, interface)| interface);
            interfaces
                .find(|found| found.name.as_deref() == Some(name))
                .with_context(|| format!("no interface `{name}`"))
        };
        for (_, id) in &interface("types")?.types {
            reader.add(&Type::Id(*id))?;
        }
        let mut calls = |names: &[&str]| -> Result<Vec<Call>> {
            let mut calls = Vec::new();
            for name in names {
                for function in interface(name)?.functions.values() {
                    calls.push(reader.call(interface(name)?, function)?);
                }
            }
            Ok(calls)
        };
        let exports = calls(&["check", "settings", "step-up"])?;
        let imports = calls(&["request", "raw-token", "logging"])?;
        let package = exports.first().context("no exports")?.interface.replace("/check", "");
        Ok(Self { package, layouts: reader.layouts, imports, exports })
    }
}

struct Reader<'a> {
    resolve: &'a Resolve,
    sizes: &'a SizeAlign,
    layouts: Vec<Layout>,
}

impl Reader<'_> {
    fn kind(&self, ty: &Type) -> Result<Kind> {
        Ok(match ty {
            Type::Bool => Kind::Bool,
            Type::S64 => Kind::S64,
            Type::String => Kind::String,
            Type::Id(id) => {
                let definition = self.resolve.types.get(*id).context("an unknown type")?;
                match &definition.kind {
                    TypeDefKind::Type(inner) => self.kind(inner)?,
                    TypeDefKind::List(inner) => Kind::List(Box::new(self.kind(inner)?)),
                    TypeDefKind::Option(inner) => Kind::Option(Box::new(self.kind(inner)?)),
                    _ => Kind::Named(definition.name.clone().unwrap_or_else(|| "result".to_owned())),
                }
            }
            other => bail!("bindings know no {other:?}"),
        })
    }

    /// Adds the layout of a type after those of its parts.
    fn add(&mut self, ty: &Type) -> Result<()> {
        let shape = match ty {
            Type::String => (Shape::String, String::new()),
            Type::Id(id) => {
                let definition = self.resolve.types.get(*id).context("an unknown type")?;
                let name = definition.name.clone().unwrap_or_default();
                let shape = match &definition.kind {
                    TypeDefKind::Type(inner) => return self.add(inner),
                    TypeDefKind::List(inner) => {
                        self.add(inner)?;
                        Shape::List(self.kind(inner)?)
                    }
                    TypeDefKind::Option(inner) => {
                        self.add(inner)?;
                        let offset = self.sizes.payload_offset(wit_parser::Int::U8, [Some(inner)]);
                        Shape::Option(self.kind(inner)?, offset.size_wasm32())
                    }
                    TypeDefKind::Record(record) => {
                        for field in &record.fields {
                            self.add(&field.ty)?;
                        }
                        let offsets = self.sizes.field_offsets(record.fields.iter().map(|field| &field.ty));
                        let fields = record.fields.iter().zip(offsets).map(|(field, (offset, _))| {
                            let (name, docs) = (field.name.clone(), text(&field.docs));
                            Ok(Field { name, docs, kind: self.kind(&field.ty)?, offset: offset.size_wasm32() })
                        });
                        Shape::Record(name, fields.collect::<Result<_>>()?)
                    }
                    TypeDefKind::Result(result) => {
                        let error = result.err.as_ref().context("a result without an error")?;
                        self.add(error)?;
                        let offset = self.sizes.payload_offset(wit_parser::Int::U8, [result.ok.as_ref(), Some(error)]);
                        let ok = result.ok.as_ref().map(|ok| self.kind(ok)).transpose()?;
                        Shape::Result(ok, self.kind(error)?, offset.size_wasm32())
                    }
                    TypeDefKind::Enum(cases) => {
                        let cases = cases.cases.iter();
                        Shape::Enum(
                            name,
                            cases.map(|case| Named { name: case.name.clone(), docs: text(&case.docs) }).collect(),
                        )
                    }
                    other => bail!("bindings know no {}", other.as_str()),
                };
                (shape, text(&definition.docs))
            }
            _ => return Ok(()),
        };
        let layout = Layout { shape: shape.0, docs: shape.1, size: self.sizes.size(ty).size_wasm32() };
        if !self.layouts.contains(&layout) {
            self.layouts.push(layout);
        }
        Ok(())
    }

    fn call(&mut self, interface: &Interface, function: &Function) -> Result<Call> {
        let package = interface.package.and_then(|id| self.resolve.packages.get(id)).context("no package")?;
        let short = interface.name.clone().unwrap_or_default();
        for parameter in &function.params {
            self.add(&parameter.ty)?;
        }
        if let Some(result) = &function.result {
            self.add(result)?;
        }
        let parameters =
            function.params.iter().map(|parameter| Ok((parameter.name.clone(), self.kind(&parameter.ty)?)));
        Ok(Call {
            interface: package.name.interface_id(&short),
            name: function.name.clone(),
            docs: text(&function.docs),
            parameters: parameters.collect::<Result<_>>()?,
            result: function.result.as_ref().map(|result| self.kind(result)).transpose()?,
            short,
        })
    }
}

fn text(docs: &Docs) -> String {
    docs.contents.clone().unwrap_or_default().trim().to_owned()
}

impl Contract {
    /// The layouts of the results of exports, which authors do not see.
    pub(crate) fn results(&self) -> impl Iterator<Item = &Layout> {
        self.layouts.iter().filter(|layout| matches!(layout.shape, Shape::Result(..)))
    }
}

/// `client-id` as `client_id`.
pub(crate) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `client-id` as `ClientId`.
pub(crate) fn pascal(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    });
    words.collect()
}

/// Documentation as Go and Zig write it: `mark` and a blank stand before each line, and `indent` before them.
pub(crate) fn line_comment(docs: &str, indent: &str, mark: &str) -> String {
    docs.lines().map(|line| format!("{indent}{mark} {line}").trim_end().to_owned() + "\n").collect()
}

/// Documentation as C and TypeScript write it, with `indent` before each line.
pub(crate) fn block_comment(docs: &str, indent: &str) -> String {
    match docs.lines().count() {
        0 => String::new(),
        1 => format!("{indent}/** {docs} */\n"),
        _ => {
            let lines = docs.lines().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n");
            format!("{indent}/**\n{}{indent} */\n", lines.collect::<String>())
        }
    }
}
