//! `host/builtin/manifest.json`: the built-in plugins, and the toolchain that built them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The toolchain that built them. Another toolchain builds other bytes.
    pub(crate) toolchain: String,
    pub(crate) plugins: BTreeMap<String, Artifact>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Artifact {
    /// `sha256:` and the hash of the component, in hexadecimal.
    pub(crate) digest: String,
    /// In bytes.
    pub(crate) size: usize,
}

impl Manifest {
    /// Reads the manifest of `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = manifest_path(folder);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("`{}` is not a manifest", path.display()))
    }

    /// Writes the manifest and the components that it lists into `folder`.
    pub(crate) fn write(&self, folder: &Path, components: &BTreeMap<String, Vec<u8>>) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let text = serde_json::to_string_pretty(self)? + "\n";
        let manifest = (manifest_path(folder), text.as_bytes());
        let components = components.iter().map(|(name, bytes)| (component_path(folder, name), bytes.as_slice()));
        for (path, bytes) in components.chain([manifest]) {
            std::fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        Ok(())
    }

    /// Fails if a component in `folder` differs from the one that the manifest lists.
    pub(crate) fn verify(&self, folder: &Path) -> Result<()> {
        for (name, artifact) in &self.plugins {
            let path = component_path(folder, name);
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            ensure!(
                Artifact::of(&bytes) == *artifact,
                "`{}` differs from the one that the manifest lists",
                path.display()
            );
        }
        Ok(())
    }
}

impl Artifact {
    /// The entry for a component.
    pub(crate) fn of(component: &[u8]) -> Self {
        Self { digest: format!("sha256:{:x}", Sha256::digest(component)), size: component.len() }
    }
}

fn manifest_path(folder: &Path) -> PathBuf {
    folder.join("manifest.json")
}

fn component_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_components_are_verified() {
        let folder = std::env::temp_dir().join(format!("guardhouse-manifest-{}", std::process::id()));
        let components = BTreeMap::from([("a".to_owned(), b"component".to_vec())]);
        let plugins = components.iter().map(|(name, bytes)| (name.clone(), Artifact::of(bytes))).collect();
        let manifest = Manifest { toolchain: "1.0".to_owned(), plugins };
        manifest.write(&folder, &components).unwrap();

        let read = Manifest::read(&folder).unwrap();
        assert_eq!((&read.toolchain, &read.plugins), (&manifest.toolchain, &manifest.plugins));
        assert!(read.verify(&folder).is_ok());
        std::fs::write(component_path(&folder, "a"), b"another").unwrap();
        assert!(read.verify(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_digest_has_the_same_form_as_in_the_host() {
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Artifact::of(b"abc"), Artifact { digest: digest.to_owned(), size: 3 });
    }
}
