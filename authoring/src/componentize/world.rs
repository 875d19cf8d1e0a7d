//! The world of a core module that does not name one, found by its exports and imports.

use anyhow::{Result, ensure};
use wasmparser::{Parser, Payload};
use wit_parser::{Resolve, WorldId};

use crate::contract;

/// The optional interfaces that a plugin may export, each with a function by which it is recognized.
const OPTIONAL_EXPORTS: [(&str, &str); 2] = [("settings", "configure"), ("step-up", "missing-scopes")];

/// The names of a core module's imports and exports.
#[derive(Debug, Default)]
pub(super) struct ModuleNames {
    /// The module name of each import.
    pub(super) imports: Vec<String>,
    exports: Vec<String>,
    /// Whether the module names its world itself.
    pub(super) has_world: bool,
}

impl ModuleNames {
    pub(super) fn read(module: &[u8]) -> Result<Self> {
        let mut names = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    ensure!(encoding == wasmparser::Encoding::Module, "this is a component, not a core module");
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
                    names.has_world = true;
                }
                _ => {}
            }
        }
        Ok(names)
    }

    pub(super) fn exports_function(&self, interface: &str, function: &str) -> bool {
        self.exports.contains(&format!("{}#{function}", contract::interface(interface)))
    }

    /// The world that has the imports and exports of the module.
    pub(super) fn world(&self) -> Result<(Resolve, WorldId)> {
        ensure!(
            self.exports_function("check", "check"),
            "the module does not export `{}`: it was built without the exports of the SDK",
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
        let world =
            contract::add_world(&mut resolve, &format!("package guardhouse:plugin; world plugin {{ {text} }}"))?;
        Ok((resolve, world))
    }
}
