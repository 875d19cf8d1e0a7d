//! The contract, as far as bindings need it: its types with their sizes and offsets in memory, each after the types of
//! its parts, and its functions.

use super::names::{pascal, snake};

/// Everything that bindings are generated from.
#[derive(Debug)]
pub(crate) struct Contract {
    /// `guardhouse:auth@0.1.0`.
    pub(crate) package: String,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) imports: Vec<Call>,
    pub(crate) exports: Vec<Call>,
}

/// A type with its layout in memory.
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
    /// `option<T>`, and the offset of the value.
    Option(Kind, usize),
    Record(String, Vec<Field>),
    /// `result<T, E>`, and the offset of the value and of the error.
    Result(Option<Kind>, Kind, usize),
    Enum(String, Vec<Named>),
}

impl Shape {
    /// The type that has the shape; none for a result, because a field cannot have that type.
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::String => Kind::String,
            Self::List(item) => Kind::List(Box::new(item.clone())),
            Self::Option(value, _) => Kind::Option(Box::new(value.clone())),
            Self::Record(name, _) | Self::Enum(name, _) => Kind::Named(name.clone()),
            Self::Result(..) => return None,
        })
    }

    /// The offset of each part, by the names that C and Zig give them; none for an enumeration.
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

/// A case of an enumeration.
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
    /// The name in Go and Zig: `list<string>` is `ListString`.
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
    /// The layouts of the results of exports, which only the SDKs see.
    pub(crate) fn results(&self) -> impl Iterator<Item = &Layout> {
        self.layouts.iter().filter(|layout| matches!(layout.shape, Shape::Result(..)))
    }
}
