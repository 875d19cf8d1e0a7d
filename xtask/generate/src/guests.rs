//! `cargo xtask guests`: builds the plugins that come with the host.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::manifest::{Artifact, Manifest};
use crate::plugin::component;
use crate::root;
use crate::toolchain::{Permission, Toolchain};

/// The components, by the names of the plugins.
type Components = BTreeMap<String, Vec<u8>>;

/// Builds the plugins into `host/builtin/`, or compares them with those there if `is_check`.
pub(crate) fn run(is_check: bool, permission: Permission) -> Result<()> {
    let folder = root()?.join("host/builtin");
    if is_check {
        let recorded = Manifest::read(&folder)?;
        recorded.verify(&folder)?;
        let (built, _) = build(&Toolchain::find(Some(&recorded.toolchain), permission)?)?;
        return compare(&recorded, &built);
    }
    let recorded = Manifest::read(&folder).ok().map(|manifest| manifest.toolchain);
    let (manifest, components) = build(&Toolchain::find(recorded.as_deref(), permission)?)?;
    manifest.write(&folder, &components)
}

/// Builds every plugin.
fn build(toolchain: &Toolchain) -> Result<(Manifest, Components)> {
    println!("toolchain: {}", toolchain.description);
    let mut manifest = Manifest { toolchain: toolchain.description.clone(), plugins: BTreeMap::new() };
    let mut components = Components::new();
    for name in names(&root()?.join("plugins"))? {
        // One at a time: cargo would give each of them the features that any of them asks for.
        let module = toolchain.build(&format!("guardhouse-plugin-{name}"), &name.replace('-', "_"), stack(&name))?;
        let component = component(&name, &module)?;
        let artifact = Artifact::of(&component);
        println!("{name:<20} {:>7} bytes  {}", artifact.size, artifact.digest);
        manifest.plugins.insert(name.clone(), artifact);
        components.insert(name, component);
    }
    Ok((manifest, components))
}

/// The stack of a plugin, in bytes. A host writes the memory of an instance over for the next one, so that a small
/// stack saves time in every decision. Schemas of settings are nested deeply.
fn stack(name: &str) -> usize {
    if name == "validate-settings" { 1 << 20 } else { 64 << 10 }
}

/// The folders of `plugins` that hold a crate.
fn names(plugins: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(plugins).with_context(|| format!("cannot read `{}`", plugins.display()))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Fails if the recorded toolchain now builds other plugins than those recorded.
fn compare(recorded: &Manifest, built: &Manifest) -> Result<()> {
    ensure!(
        recorded.plugins.keys().eq(built.plugins.keys()),
        "the plugins in host/builtin are not those of plugins/; run `cargo xtask guests`"
    );
    if recorded.toolchain != built.toolchain {
        println!("SKIPPED comparing bytes, because the toolchain differs:");
        println!("  recorded {}\n  here     {}", recorded.toolchain, built.toolchain);
        return Ok(());
    }
    let differing: Vec<&str> = built
        .plugins
        .iter()
        .filter(|(name, artifact)| recorded.plugins.get(*name) != Some(artifact))
        .map(|(name, _)| name.as_str())
        .collect();
    ensure!(
        differing.is_empty(),
        "rebuilt, these differ from host/builtin: {}; run `cargo xtask guests`",
        differing.join(", ")
    );
    println!("host/builtin is up to date");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(toolchain: &str, plugins: &[(&str, &[u8])]) -> Manifest {
        let plugins = plugins.iter().map(|&(name, bytes)| (name.to_owned(), Artifact::of(bytes))).collect();
        Manifest { toolchain: toolchain.to_owned(), plugins }
    }

    #[test]
    fn the_same_toolchain_must_make_the_same_bytes() {
        let recorded = manifest("1.0", &[("a", b"1"), ("b", b"2"), ("c", b"3")]);
        assert!(compare(&recorded, &manifest("1.0", &[("a", b"1"), ("b", b"2"), ("c", b"3")])).is_ok());
        let error = compare(&recorded, &manifest("1.0", &[("a", b"x"), ("b", b"2"), ("c", b"y")])).unwrap_err();
        assert!(error.to_string().contains("host/builtin: a, c;"), "{error}");
    }

    #[test]
    fn another_toolchain_may_make_other_bytes() {
        let recorded = manifest("1.0", &[("a", b"1")]);
        assert!(compare(&recorded, &manifest("1.1", &[("a", b"x")])).is_ok());
    }

    #[test]
    fn a_plugin_that_is_not_recorded_fails_with_any_toolchain() {
        let recorded = manifest("1.0", &[("a", b"1")]);
        assert!(compare(&recorded, &manifest("1.1", &[("a", b"1"), ("b", b"2")])).is_err());
    }
}
