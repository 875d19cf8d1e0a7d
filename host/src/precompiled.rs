//! Machine code that is already made: the one place where it is taken for what it says it is.

use std::path::{Path, PathBuf};

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Machine code, as wasmtime writes it.
///
/// Whoever makes one says that wasmtime wrote it: in this process, in a compiler that this process started, or in a
/// file of the [cache](crate::cache) whose digest was verified.
pub(crate) enum MachineCode {
    Bytes(Vec<u8>),
    /// It is mapped, not read: idle code takes no memory of its own.
    File(PathBuf),
}

impl MachineCode {
    pub(crate) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        match self {
            Self::Bytes(bytes) => component_of(engine, bytes),
            Self::File(path) => component_in(engine, path),
        }
    }

    pub(crate) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        match self {
            Self::Bytes(bytes) => module_of(engine, bytes),
            Self::File(path) => module_in(engine, path),
        }
    }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn component_of(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `Engine::precompile_component`, here or in the compiler that this process started
    // (`compiler.rs`): nobody else can write to its standard output. wasmtime itself holds version and settings
    // against those of `engine`.
    unsafe { Component::deserialize(engine, bytes) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn component_in(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is one that `Cache::find` returned: in a folder that only this user can write to, owned by this
    // user, and with the digest that was noted when `Engine::precompile_component` had written it. Files of the cache
    // are never written twice, only replaced or removed, so the mapping does not change.
    unsafe { Component::deserialize_file(engine, path) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn module_of(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: as for `component_of`, with `Engine::precompile_module`.
    unsafe { Module::deserialize(engine, bytes) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn module_in(engine: &Engine, path: &Path) -> wasmtime::Result<Module> {
    // SAFETY: as for `component_in`, with `Engine::precompile_module`.
    unsafe { Module::deserialize_file(engine, path) }
}
