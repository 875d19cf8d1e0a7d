//! From a core module, as the compiler leaves it, to a component.

use anyhow::{Context, Result};
use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_component::ComponentEncoder;

/// Wraps `module`, which describes its own interfaces, in a component called `name`.
pub(crate) fn componentize(name: &str, module: &[u8], sdk_version: &str) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("`{name}` does not make a component"))?;
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(name.to_owned());
    metadata.sdk = vec![("guardhouse-sdk".to_owned(), sdk_version.to_owned())];
    metadata.to_wasm(&component).with_context(|| format!("`{name}` takes no metadata"))
}
