//! Go, compiled by the Go project's compiler.

use std::path::Path;

use anyhow::{Context, Result};

use super::spec::Spec;
use super::tool::{INSTALL_FROM_PIP, Tool, Unwanted, in_venv, read_output};

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
    registry: None,
    update: None,
    export: "import `guardhouse.dev/sdk` in the package `main`, and call `guardhouse.Check(check)` \
             or `settings.Check(schema, check)` in `func init`",
    has_llvm_stack: false,
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

/// The settings of other builds. What remains says where modules come from and where they are kept.
const UNWANTED: Unwanted = Unwanted {
    names: &["GO*", "CGO_*", "CC", "CXX"],
    except: &[
        "GOAUTH",
        "GOCACHE",
        "GOENV",
        "GOINSECURE",
        "GOMODCACHE",
        "GONOPROXY",
        "GONOSUMDB",
        "GOPATH",
        "GOPRIVATE",
        "GOPROXY",
        "GOSUMDB",
        "GOTMPDIR",
        "GOTOOLCHAIN",
        "GOVCS",
    ],
};

/// The build tag of the SDK's file for `log/slog`.
const SLOG_TAG: &str = "guardhouse_slog";

/// The `go` command, which builds this module alone for WebAssembly. A variable that is not empty precedes the file of
/// `go env -w`.
fn go(folder: &Path) -> Tool {
    Tool::new(in_venv(folder, "go"), folder, INSTALL_FROM_PIP)
        .without(&UNWANTED)
        .variable("GOOS", "wasip1")
        .variable("GOARCH", "wasm")
        .variable("GOFLAGS", "-trimpath")
        .variable("GOWORK", "off")
        .variable("GO111MODULE", "on")
        .variable("GOEXPERIMENT", "none")
        .variable("CGO_ENABLED", "0")
}

fn build(folder: &Path) -> Result<Vec<u8>> {
    let module = folder.join("build/core.wasm");
    // The names of functions stay: the backtrace of a fault has them.
    let packages = go(folder).arguments(["list", "-deps", "."]).output()?;
    let tags = if packages.lines().any(|package| package == "log/slog") { SLOG_TAG } else { "" };
    go(folder)
        .arguments(["build", "-buildmode=c-shared", "-buildvcs=false", "-ldflags=-w -buildid=", "-tags", tags, "-o"])
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
