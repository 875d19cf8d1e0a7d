//! Go, compiled by the Go project's compiler.

use std::path::Path;

use anyhow::{Context, Result};

use super::spec::Spec;
use super::tool::{INSTALL_FROM_PIP, Tool, in_venv, read_output};

pub(super) const GO: Spec = Spec {
    label: "Go",
    word: "go",
    sdk: "go",
    marker: "go.mod",
    dialect_of: None,
    manifest: "go.mod",
    name,
    check_name: None,
    fingerprint: None,
    build,
};

/// Reads the path of the module.
fn name(manifest: &str) -> Result<String> {
    let path = manifest.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next()? == "module" { words.next() } else { None }
    });
    Ok(path.context("it has no line `module …`")?.trim_matches(['"', '`']).to_owned())
}

fn build(folder: &Path) -> Result<Vec<u8>> {
    let module = folder.join("build/core.wasm");
    Tool::new(in_venv(folder, "go"), folder, INSTALL_FROM_PIP)
        .variable("GOOS", "wasip1")
        .variable("GOARCH", "wasm")
        .arguments(["build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath", "-ldflags=-s -w -buildid=", "-o"])
        .arguments([&module])
        .arguments(["."])
        .run()?;
    read_output(&module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_path_of_the_module() {
        for manifest in ["module my-check\n\ngo 1.24\n", "// The module.\nmodule\t\"my-check\" // comment\n"] {
            assert_eq!(name(manifest).unwrap(), "my-check", "{manifest}");
        }
        assert!(name("go 1.24\nrequire modules.example v1.0.0\n").is_err());
    }
}
