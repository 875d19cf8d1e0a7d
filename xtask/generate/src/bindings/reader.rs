//! Reads `wit/`.

use anyhow::{Context, Result, bail};
use guardhouse_authoring::contract;
use wit_parser::{Docs, Function, Interface, Resolve, SizeAlign, Type, TypeDefKind};

use super::model::{Call, Contract, Field, Kind, Layout, Named, Shape};

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
                .with_context(|| format!("interface `{name}` does not exist"))
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
        let package = exports.first().context("the contract has no exports")?.interface.replace("/check", "");
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
            other => bail!("type {other:?} is not supported"),
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
                    other => bail!("type `{}` is not supported", other.as_str()),
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
        let package =
            interface.package.and_then(|id| self.resolve.packages.get(id)).context("an interface without a package")?;
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
