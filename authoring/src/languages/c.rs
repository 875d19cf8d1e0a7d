//! C, compiled by clang as Zig ships it.

use std::path::Path;

use anyhow::{Context, Result};

use super::spec::Spec;
use super::tool::{Tool, Unwanted, read_output};
use crate::profile::Profile;
use crate::regular_file::remove_output;

pub(super) const C: Spec = Spec {
    label: "C",
    word: "c",
    aliases: &[],
    sdk: "c",
    marker: "Makefile",
    dialect_of: None,
    manifest: "Makefile",
    name,
    check_name: None,
    fingerprint: None,
    registry: None,
    update: None,
    develop: None,
    export: "write `GH_EXPORT_CHECK(check);` in one of the files",
    has_llvm_stack: true,
    build,
};

/// The target of the project's Makefile.
const MODULE: &str = "build/core.wasm";

/// Reads the variable `NAME`.
fn name(makefile: &str) -> Result<String> {
    let value = makefile.lines().find_map(|line| {
        let rest = line.strip_prefix("NAME")?.trim_start();
        rest.trim_start_matches([':', '?']).strip_prefix('=')
    });
    let value = value.context("it has no line `NAME = …`")?;
    Ok(value.split('#').next().unwrap_or_default().trim().to_owned())
}

/// The settings of other builds. The Makefile of a project may name another compiler, `WASM_CC`.
const UNWANTED: Unwanted = Unwanted {
    names: &[
        "AR",
        "CC",
        "CCC_*",
        "CFLAGS",
        "CPATH",
        "CPPFLAGS",
        "C_INCLUDE_PATH",
        "COMPILER_PATH",
        "CXX",
        "CXXFLAGS",
        "FLAGS",
        "GNUMAKEFLAGS",
        "INPUTS",
        "LD",
        "LDFLAGS",
        "LIBRARY_PATH",
        "MAKE*",
        "MFLAGS",
        "NAME",
        "PYTHON*",
        "SDK",
        "SOURCES",
        "TARGET",
        "TRAPS",
        "ZIG*",
    ],
    except: &["ZIG_GLOBAL_CACHE_DIR"],
};

fn build(folder: &Path, _profile: Profile) -> Result<Vec<u8>> {
    let module = folder.join(MODULE);
    // `make` compares times, and only of the files that the Makefile lists.
    remove_output(&module)?;
    Tool::new("make", folder, "apt-get install make").without(&UNWANTED).arguments(["--quiet", MODULE]).run()?;
    read_output(&module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_a_variable_of_the_makefile() {
        for makefile in ["NAME = my-check\n", "SDK = x\nNAME=my-check\n", "NAMES = a\nNAME ?= my-check # ours\n"] {
            assert_eq!(name(makefile).unwrap(), "my-check", "{makefile}");
        }
        assert!(name("SDK = ../sdk\n").is_err());
    }
}
