//! Rust, compiled by rustc.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::registry::{Edit, Registry};
use super::spec::Spec;
use super::toml;
use super::tool::{Running, Tool, Unwanted, read_output};
use crate::profile::Profile;

pub(super) const RUST: Spec = Spec {
    label: "Rust",
    word: "rust",
    aliases: &["rs"],
    sdk: "rust",
    marker: "Cargo.toml",
    dialect_of: None,
    manifest: "Cargo.toml",
    name,
    check_name: None,
    fingerprint: None,
    registry: Some(REGISTRY),
    update: None,
    develop: None,
    export: "write `guardhouse_sdk::export!(MyCheck);` in `src/lib.rs`",
    has_llvm_stack: true,
    build,
};

/// The version means itself and later compatible ones, as everywhere in Cargo: `Cargo.lock` pins one of them.
const REGISTRY: Registry = Registry {
    edits: &[Edit {
        file: "Cargo.toml",
        old: r#"guardhouse-sdk = { path = "../../../guest-sdk/rust" }"#,
        new: r#"guardhouse-sdk = "{version}""#,
    }],
    added: &[],
    manifest: "Cargo.toml",
    update: None,
};

/// Reads the name of the package.
fn name(manifest: &str) -> Result<String> {
    let is_virtual = !toml::has_table(manifest, "package") && toml::has_table(manifest, "workspace");
    ensure!(!is_virtual, "it is the manifest of a workspace; go to the folder of the package in it");
    toml::string(manifest, "package", "name")
}

const TARGET: &str = "wasm32-unknown-unknown";

/// The settings of other builds. What remains says where crates come from and which toolchain is used.
const UNWANTED: Unwanted = Unwanted {
    names: &["CARGO", "CARGO_*", "CC", "CFLAGS", "LDFLAGS", "RUSTC", "RUSTC_*", "RUSTDOC*", "RUSTFLAGS"],
    except: &[
        "CARGO_CACHE_*",
        "CARGO_HOME",
        "CARGO_HTTP_*",
        "CARGO_NET_*",
        "CARGO_REGISTRIES_*",
        "CARGO_REGISTRY_*",
        "CARGO_SOURCE_*",
        "CARGO_TERM_*",
    ],
};

/// A stack of 256 KiB, as in C and Zig. A host writes the memory of an instance over for the next one: with the
/// megabyte that rustc gives to a stack, that takes longer.
const FLAGS: &str = "-Clink-arg=-zstack-size=262144";

/// A program of the toolchain. The variables here precede the configuration files of cargo: no other flags, and no
/// wrapper.
fn tool(program: &str, folder: &Path) -> Tool {
    Tool::new(program, folder, "see https://rustup.rs")
        .without(&UNWANTED)
        .variable("CARGO_ENCODED_RUSTFLAGS", FLAGS)
        .variable("RUSTC_WRAPPER", "")
        .variable("RUSTC_WORKSPACE_WRAPPER", "")
}

/// The profile of development builds. It is the release's, so that overflow checks, debug assertions, panics and the
/// level of optimization are the same, but the crate is compiled incrementally and linked without optimization.
const DEVELOPMENT: &str = "guardhouse-development";

/// The settings of the profile [`DEVELOPMENT`], for cargo's option `--config`.
const DEVELOPMENT_SETTINGS: &[&str] = &["inherits='release'", "lto='off'", "incremental=true", "codegen-units=16"];

fn build(folder: &Path, profile: Profile) -> Result<Vec<u8>> {
    // Both programs run at once.
    let linker = Linker::find(folder);
    let metadata = tool("cargo", folder).arguments(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata = serde_json::from_str(&metadata).context("`cargo metadata` printed invalid JSON")?;
    let (workspace, library) =
        artifact(&metadata, &folder.join("Cargo.toml")).context("`cargo metadata` does not list the library")?;
    let target_folder = Path::new(workspace).join("target");
    let name = match profile {
        Profile::Development => DEVELOPMENT,
        Profile::Release => "release",
    };
    let mut cargo = tool("cargo", folder)
        .arguments(["build", "--quiet", "--lib", "--profile", name, "--target", TARGET, "--target-dir"])
        .arguments([&target_folder]);
    if profile == Profile::Development {
        for setting in DEVELOPMENT_SETTINGS {
            cargo = cargo.arguments(["--config", &format!("profile.{DEVELOPMENT}.{setting}")]);
        }
    }
    if linker.found() {
        cargo = cargo.arguments(["--config", &format!("target.{TARGET}.linker='{LINKER}'")]);
    }
    if let Err(error) = cargo.run() {
        ensure!(has_target(folder)?, "the compiler lacks the target; to install it: rustup target add {TARGET}");
        return Err(error);
    }
    read_output(&target_folder.join(TARGET).join(name).join(library).with_extension("wasm"))
}

/// The linker that comes with the compiler.
const LINKER: &str = "rust-lld";

/// The search for the linker that comes with the compiler. If it is there, it is used even if a configuration file of
/// cargo names another. If not, only such a file knows the linker.
struct Linker(Option<Running>);

impl Linker {
    fn find(folder: &Path) -> Self {
        Self(tool("rustc", folder).arguments(["--print", "target-libdir"]).start().ok())
    }

    fn found(self) -> bool {
        let libraries = self.0.and_then(|rustc| rustc.output().ok()).unwrap_or_default();
        Path::new(libraries.trim()).parent().is_some_and(|host| host.join("bin").join(LINKER).is_file())
    }
}

/// Whether the compiler has the standard library for plugins.
fn has_target(folder: &Path) -> Result<bool> {
    let libraries = tool("rustc", folder).arguments(["--print", "target-libdir", "--target", TARGET]).output()?;
    Ok(Path::new(libraries.trim()).is_dir())
}

/// The root of the workspace, and the name that the library of a package has.
fn artifact<'a>(metadata: &'a Value, manifest: &Path) -> Option<(&'a str, String)> {
    let packages = metadata.get("packages")?.as_array()?;
    let package = packages.iter().find(|package| {
        package.get("manifest_path").and_then(Value::as_str).is_some_and(|path| Path::new(path) == manifest)
    })?;
    let library = package.get("targets")?.as_array()?.iter().find(|target| {
        let kinds = target.get("crate_types").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    })?;
    let name = library.get("name")?.as_str()?.replace('-', "_");
    Some((metadata.get("workspace_root")?.as_str()?, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_name_is_that_of_the_package() {
        let manifest = "[lib]\nname = \"other\"\n[workspace]\n[package]\nname=\"my-check\" # ours\n";
        assert_eq!(name(manifest).unwrap(), "my-check");
        let error = name("[workspace]\nmembers = [\"a\"]\n").unwrap_err().to_string();
        assert!(error.starts_with("it is the manifest of a workspace"), "{error}");
    }

    #[test]
    fn the_profile_for_development_is_the_release_in_everything_that_answers_depend_on() {
        let names: Vec<&str> =
            DEVELOPMENT_SETTINGS.iter().filter_map(|setting| Some(setting.split_once('=')?.0)).collect();
        assert_eq!(names, ["inherits", "lto", "incremental", "codegen-units"]);
        assert_eq!(DEVELOPMENT_SETTINGS.first(), Some(&"inherits='release'"));
    }

    #[test]
    fn the_library_of_the_package_is_found_in_a_workspace() {
        let target = |name: &str, kind: &str| json!({ "name": name, "crate_types": [kind] });
        let metadata = json!({
            "workspace_root": "/w",
            "packages": [
                { "manifest_path": "/w/other/Cargo.toml", "targets": [target("other", "cdylib")] },
                {
                    "manifest_path": "/w/mine/Cargo.toml",
                    "targets": [target("tool", "bin"), target("my-check", "cdylib")],
                },
            ],
        });
        let found = artifact(&metadata, Path::new("/w/mine/Cargo.toml"));
        assert_eq!(found, Some(("/w", "my_check".to_owned())));
        assert_eq!(artifact(&metadata, Path::new("/w/third/Cargo.toml")), None);
    }
}
