//! Machine code that is loaded without validation: the only place with `unsafe`.
//!
//! A [`MachineCode`] can be made only in `code/`, to which this module is private: from the output of a compiler, or
//! from an entry of the cache.

use std::path::{Path, PathBuf};

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::code::cache::Entry;

/// Machine code in wasmtime's format.
pub(super) struct MachineCode(Storage);

enum Storage {
    Bytes(Vec<u8>),
    /// The file is mapped and not read, so code that does not run takes no memory of its own.
    File(PathBuf),
}

impl MachineCode {
    /// Machine code from wasmtime in this process, or from a compiler that this process started.
    pub(super) fn compiled(bytes: Vec<u8>) -> Self {
        Self(Storage::Bytes(bytes))
    }

    /// The machine code of an entry of the cache, which has verified its files.
    pub(super) fn cached(entry: Entry) -> Vec<Self> {
        entry.into_files().into_iter().map(|file| Self(Storage::File(file))).collect()
    }

    /// The bytes of machine code that is in memory.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Storage::Bytes(bytes) => Some(bytes),
            Storage::File(_) => None,
        }
    }

    pub(super) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        match &self.0 {
            Storage::Bytes(bytes) => component_of(engine, bytes),
            Storage::File(path) => component_in(engine, path),
        }
    }

    pub(super) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        match &self.0 {
            Storage::Bytes(bytes) => module_of(engine, bytes),
            Storage::File(path) => module_in(engine, path),
        }
    }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn component_of(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes come from `Engine::precompile_component`, in this process or in the compiler that this process
    // started (`compiler_process.rs`), whose standard output no other process can write to. wasmtime itself compares
    // version and settings with those of `engine`.
    unsafe { Component::deserialize(engine, bytes) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn component_in(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file belongs to an `Entry`, which only `Cache` makes: it is in a folder that only this user can write
    // to, is owned by this user, and has the digest that was recorded when `Engine::precompile_component` had written
    // it. Files of the cache are never modified, only replaced or removed, so the mapping does not change. The entry of
    // a plugin's source, which is not machine code, has another key, and never gets here.
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
