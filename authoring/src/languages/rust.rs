//! Rust, compiled by rustc.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::registry::{Edit, Registry};
use super::spec::Spec;
use super::toml;
use super::tool::{Tool, read_output};

pub(super) const RUST: Spec = Spec {
    label: "Rust",
    word: "rust",
    sdk: "rust",
    marker: "Cargo.toml",
    dialect_of: None,
    manifest: "Cargo.toml",
    name,
    check_name: None,
    fingerprint: None,
    registry: Some(REGISTRY),
    update: None,
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

fn build(folder: &Path) -> Result<Vec<u8>> {
    let cargo = || Tool::new("cargo", folder, "see https://rustup.rs");
    cargo()
        .arguments(["build", "--quiet", "--release", "--lib", "--target", TARGET])
        .run()
        .with_context(|| format!("if the compiler lacks the target, install it: rustup target add {TARGET}"))?;
    let metadata = cargo().arguments(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata = serde_json::from_str(&metadata).context("`cargo metadata` printed invalid JSON")?;
    let (target_folder, library) =
        artifact(&metadata, &folder.join("Cargo.toml")).context("`cargo metadata` does not list the library")?;
    read_output(&Path::new(target_folder).join(TARGET).join("release").join(library).with_extension("wasm"))
}

/// The target folder, and the name that the library of a package has in it.
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
    Some((metadata.get("target_directory")?.as_str()?, name))
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
    fn the_library_of_the_package_is_found_in_a_workspace() {
        let target = |name: &str, kind: &str| json!({ "name": name, "crate_types": [kind] });
        let metadata = json!({
            "target_directory": "/w/target",
            "packages": [
                { "manifest_path": "/w/other/Cargo.toml", "targets": [target("other", "cdylib")] },
                {
                    "manifest_path": "/w/mine/Cargo.toml",
                    "targets": [target("tool", "bin"), target("my-check", "cdylib")],
                },
            ],
        });
        let found = artifact(&metadata, Path::new("/w/mine/Cargo.toml"));
        assert_eq!(found, Some(("/w/target", "my_check".to_owned())));
        assert_eq!(artifact(&metadata, Path::new("/w/third/Cargo.toml")), None);
    }
}
