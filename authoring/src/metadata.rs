//! The metadata of a plugin: its name, language and SDK.

use anyhow::{Context, Result};
use wasm_metadata::{AddMetadata, AddMetadataField};

use crate::languages::Language;

/// Adds the name of a plugin, its language and the version of the SDK to its component. `language` is `None` if the
/// compiler has added it already.
///
/// # Errors
///
/// `component` is not a component.
pub fn add_metadata(component: &[u8], name: &str, language: Option<Language>) -> Result<Vec<u8>> {
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(name.to_owned());
    metadata.language = language.map(|language| (language.to_string(), String::new())).into_iter().collect();
    metadata.sdk = vec![("guardhouse-sdk".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    metadata.to_wasm(component).with_context(|| format!("cannot add metadata to `{name}`"))
}
