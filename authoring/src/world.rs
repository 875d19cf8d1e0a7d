//! Which world a core module was written for: what it exports and imports says.

use anyhow::{Result, ensure};
use wasmparser::{Parser, Payload};
use wit_parser::{Resolve, WorldId};

use crate::contract;

/// The optional exports of the contract, each with a function that tells that a module has it.
const OPTIONAL_EXPORTS: [(&str, &str); 2] = [("settings", "configure"), ("step-up", "missing-scopes")];

/// The names that a core module imports from and exports.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The first of the two names of each import.
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    /// Whether the module says itself for which world it was made.
    pub(crate) is_described: bool,
}

impl Names {
    /// Reads the names of a core module.
    pub(crate) fn read(module: &[u8]) -> Result<Self> {
        let mut names = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    ensure!(encoding == wasmparser::Encoding::Module, "this is a component, and no core module");
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        names.imports.push(import?.module.to_owned());
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        names.exports.push(export?.name.to_owned());
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    names.is_described = true;
                }
                _ => {}
            }
        }
        Ok(names)
    }

    fn exports_function(&self, interface: &str, function: &str) -> bool {
        self.exports.contains(&format!("{}#{function}", contract::interface(interface)))
    }

    /// The world that has what the module has.
    pub(crate) fn world(&self) -> Result<(Resolve, WorldId)> {
        ensure!(
            self.exports_function("check", "check"),
            "the module exports no `{}`: it was built without the SDK's exports",
            contract::interface("check")
        );
        let mut text = format!("include {};", contract::interface("auth-check"));
        if self.imports.contains(&contract::interface("raw-token")) {
            text += &format!("include {};", contract::interface("with-raw-token"));
        }
        for (interface, function) in OPTIONAL_EXPORTS {
            if self.exports_function(interface, function) {
                text += &format!("export {};", contract::interface(interface));
            }
        }
        let mut resolve = contract::resolve()?;
        let world = contract::push(&mut resolve, &format!("package guardhouse:plugin; world plugin {{ {text} }}"))?;
        Ok((resolve, world))
    }
}
