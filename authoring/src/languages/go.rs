//! Go, compiled by the Go project's compiler.

use std::path::Path;

use anyhow::{Context, Result};

use super::spec::Spec;
use super::tool::{INSTALL_FROM_PIP, Tool, Unwanted, in_venv, read_output};
use crate::profile::Profile;
use crate::regular_file::remove_output;

pub(super) const GO: Spec = Spec {
    label: "Go",
    word: "go",
    aliases: &["golang"],
    sdk: "go",
    marker: "go.mod",
    dialect_of: None,
    manifest: "go.mod",
    name,
    check_name: None,
    fingerprint: None,
    registry: None,
    update: None,
    develop: None,
    export: "import `guardhouse.dev/sdk` in the package `main`, and call `guardhouse.Check(check)` \
             or `settings.Check(schema, check)` in `func init`",
    has_llvm_stack: false,
    build,
};

/// Reads the path of the module, without the element for its major version, as `go build` names a program.
fn name(manifest: &str) -> Result<String> {
    let path = module_path(manifest).context("it has no line `module …`")?;
    Ok(match path.rsplit_once('/') {
        Some((path, version)) if is_major_version(version) => path.to_owned(),
        _ => path,
    })
}

/// The path after `module`, on its line or in its block.
fn module_path(manifest: &str) -> Option<String> {
    let mut lines = manifest.lines().map(str::trim_start);
    let rest = lines.by_ref().find_map(|line| {
        let rest = line.strip_prefix("module")?;
        rest.starts_with(|next: char| next.is_whitespace() || "(\"`".contains(next)).then(|| rest.trim_start())
    })?;
    match rest.strip_prefix('(') {
        None => word(rest),
        Some(_) => lines.take_while(|line| !line.starts_with(')')).find_map(word),
    }
}

/// The word or the string that a line begins with. Comments are left out; strings with escapes are not read.
fn word(line: &str) -> Option<String> {
    let line = line.trim_start();
    let word = match line.chars().next()? {
        quote @ ('"' | '`') => line.strip_prefix(quote)?.split_once(quote)?.0,
        _ => line.split_once("//").map_or(line, |(before, _)| before).split_whitespace().next()?,
    };
    (!word.is_empty() && !word.contains('\\')).then(|| word.to_owned())
}

/// Whether the last element of a path is a major version, from `v2` on.
fn is_major_version(element: &str) -> bool {
    element.strip_prefix('v').is_some_and(|digits| {
        digits.chars().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0') && !matches!(digits, "" | "1")
    })
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

fn build(folder: &Path, _profile: Profile) -> Result<Vec<u8>> {
    let module = folder.join("build/core.wasm");
    remove_output(&module)?;
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
        for (manifest, expected) in [
            ("module my-check\n\ngo 1.24\n", "my-check"),
            ("// The module.\nmodule\t\"my-check\" // comment\n", "my-check"),
            ("// Deprecated: module other\nmodule `my-check`\r\n", "my-check"),
            ("module (\n\t// ours\n\texample.com/my-check // comment\n)\n", "example.com/my-check"),
            ("module example.com/my-check/v2\n", "example.com/my-check"),
            ("module example.com/my-check/v12//comment\n", "example.com/my-check"),
            ("module example.com/v1\n", "example.com/v1"),
            ("module example.com/vault\n", "example.com/vault"),
            ("modules x\nmodule v2\n", "v2"),
        ] {
            assert_eq!(name(manifest).unwrap(), expected, "{manifest}");
        }
        for manifest in ["go 1.24\nrequire modules.example v1.0.0\n", "module \"a\n", "module (\n)\nx\n", "module //x"]
        {
            assert!(name(manifest).is_err(), "{manifest}");
        }
    }
}
