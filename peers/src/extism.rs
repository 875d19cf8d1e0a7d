//! Extism: a WebAssembly plugin host that exchanges bytes, here JSON.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::extism_library::{Library, Plugin};
use crate::meter::Meter;
use crate::python::Environment;
use crate::{REQUIRED, folder};

pub(crate) fn measure(meter: &Meter, environment: &Environment) -> Result<()> {
    let library = Library::open(&environment.package("extism_sys")?)?;
    let compiled = library.compile(&manifest()?)?;
    meter.measure("extism_fresh", to_json, |json| allows(&mut compiled.instantiate()?, json))?;
    let mut plugin = compiled.instantiate()?;
    meter.measure("extism_reused", to_json, |json| allows(&mut plugin, json))
}

fn allows(plugin: &mut Plugin, json: &str) -> Result<bool> {
    Ok(plugin.call(c"check", json.as_bytes())? == b"true")
}

fn to_json(context: &Value) -> Result<String> {
    Ok(context.to_string())
}

/// The manifest that Extism loads: the module and its settings.
fn manifest() -> Result<String> {
    let scopes = json!(REQUIRED).to_string();
    Ok(json!({ "wasm": [{ "path": build()? }], "config": { "scopes": scopes } }).to_string())
}

/// Builds the plugin of `extism-plugin`.
fn build() -> Result<PathBuf> {
    let target = folder().join("target/extism-plugin");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "--quiet", "--target", "wasm32-unknown-unknown", "--manifest-path"])
        .arg(folder().join("extism-plugin/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        // Their flags are meant for the target of this machine.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdout(std::io::stderr())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cannot build the plugin ({status}); is the target wasm32-unknown-unknown installed?");
    Ok(target.join("wasm32-unknown-unknown/release/require_scopes.wasm"))
}
