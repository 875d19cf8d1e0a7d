use anyhow::{Context, Result};
use serde_json::Value;

use crate::building::read;
use crate::project::Project;
use crate::tool::Tool;

const TARGET: &str = "wasm32-unknown-unknown";

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let cargo = || Tool::new("cargo", project.folder(), "see https://rustup.rs");
    cargo().arguments(["build", "--quiet", "--release", "--lib", "--target", TARGET]).run().with_context(|| {
        format!("if its target is what the compiler lacks, this installs it: rustup target add {TARGET}")
    })?;
    let metadata = cargo().arguments(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo printed no metadata")?;
    let target = metadata.get("target_directory").and_then(Value::as_str).context("cargo names no target folder")?;
    let module = project.name().replace('-', "_");
    read(&std::path::Path::new(target).join(TARGET).join("release").join(module).with_extension("wasm"))
}
