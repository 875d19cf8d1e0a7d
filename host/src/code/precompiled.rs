//! Machine code that is loaded without validation: the only place with `unsafe`.
//!
//! A [`MachineCode`] can be made only in `code/`, to which this module is private: from the output of a compiler, or
//! from an entry of the cache.

use std::fs::File;
use std::os::fd::AsRawFd;

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::code::cache::Entry;

/// Machine code in wasmtime's format.
pub(super) struct MachineCode(Storage);

enum Storage {
    Bytes(Vec<u8>),
    /// The file is mapped and not read, so code that does not run takes no memory of its own.
    File(File),
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
            Storage::File(file) => component_in(engine, file),
        }
    }

    pub(super) fn module(&self, engine: &Engine) -> wasmtime::Result<Module> {
        match &self.0 {
            Storage::Bytes(bytes) => module_of(engine, bytes),
            Storage::File(file) => module_in(engine, file),
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
fn component_in(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // wasmtime has no function that takes an open component. This path leads to the open file, even after the loss of its
    // name.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the file belongs to an `Entry`, which only `Cache` makes: it is in a folder that only this user can write
    // to, is owned by this user, and had the digest that was recorded when `Engine::precompile_component` had written
    // it, when it was read through this descriptor. Files of the cache are never modified, only replaced or removed, so
    // the mapping does not change. The entry of a plugin's source, which is not machine code, has another key, and never
    // gets here.
    unsafe { Component::deserialize_file(engine, path) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn module_of(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: as for `component_of`, with `Engine::precompile_module`.
    unsafe { Module::deserialize(engine, bytes) }
}

#[expect(unsafe_code, reason = "machine code cannot be validated, only trusted")]
fn module_in(engine: &Engine, file: &File) -> wasmtime::Result<Module> {
    let file = file.try_clone()?;
    // SAFETY: as for `component_in`, with `Engine::precompile_module`.
    unsafe { Module::deserialize_open_file(engine, file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::cache::Cache;
    use crate::digest::Digest;

    /// The value of the global `g` of a module.
    fn global(module: &Module) -> Option<i32> {
        let mut store = wasmtime::Store::new(module.engine(), ());
        let instance = wasmtime::Instance::new(&mut store, module, &[]).ok()?;
        instance.get_global(&mut store, "g")?.get(&mut store).i32()
    }

    #[test]
    fn a_file_that_is_exchanged_after_it_was_verified_is_not_loaded() {
        let folder = std::env::temp_dir().join(format!("guardhouse-{:032x}", rand::random::<u128>()));
        let cache = Cache::open(&folder, 1 << 30).unwrap();
        let engine = Engine::default();
        let module = |value: i32| {
            let text = format!("(module (global (export \"g\") i32 (i32.const {value})))");
            engine.precompile_module(&wat::parse_str(text).unwrap()).unwrap()
        };
        let component = engine.precompile_component(&wat::parse_str("(component)").unwrap()).unwrap();
        let (key, files) = (Digest::of("key"), [module(1), component]);
        cache.store(key, &[&files[0], &files[1]], "").unwrap();
        let entry = cache.find(key).unwrap();
        // Each code file becomes that of another module, as an atomic replacement and removed.
        for (number, file) in std::fs::read_dir(folder.join("code")).unwrap().enumerate() {
            let other = folder.join(format!("other-{number}"));
            std::fs::write(&other, module(2)).unwrap();
            std::fs::rename(other, file.unwrap().path()).unwrap();
        }
        let code = MachineCode::cached(entry);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(global(&code[0].module(&engine).unwrap()), Some(1));
        assert!(code[1].component(&engine).is_ok());
    }
}
