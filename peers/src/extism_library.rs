//! The measured part of Extism's C interface, from the library inside its Python package.
//!
//! The crate needs a newer compiler than Guardhouse does; the library is the same runtime, built by its authors.

#![expect(unsafe_code, reason = "a C interface")]

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::ptr::{NonNull, null, null_mut};

use anyhow::{Context, Result, bail};

type Compile = unsafe extern "C" fn(*const u8, u64, *const c_void, u64, bool, *mut *mut c_char) -> *mut c_void;
type Instantiate = unsafe extern "C" fn(*const c_void, *mut *mut c_char) -> *mut c_void;
type Call = unsafe extern "C" fn(*mut c_void, *const c_char, *const u8, u64) -> i32;
type OutputLength = unsafe extern "C" fn(*mut c_void) -> u64;
type OutputData = unsafe extern "C" fn(*mut c_void) -> *const u8;
type ErrorOf = unsafe extern "C" fn(*mut c_void) -> *const c_char;
type Free = unsafe extern "C" fn(*mut c_void);
type FreeMessage = unsafe extern "C" fn(*mut c_char);

/// The functions of the library.
pub(crate) struct Library {
    compile: Compile,
    instantiate: Instantiate,
    call: Call,
    output_length: OutputLength,
    output_data: OutputData,
    error: ErrorOf,
    free_compiled: Free,
    free_plugin: Free,
    free_message: FreeMessage,
}

/// A compiled module.
pub(crate) struct Compiled<'a> {
    library: &'a Library,
    pointer: NonNull<c_void>,
}

/// An instance.
pub(crate) struct Plugin<'a> {
    library: &'a Library,
    pointer: NonNull<c_void>,
}

impl Library {
    /// Opens the library in `folder`. The process must not have other threads yet.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(libloading::library_filename("extism_sys"));
        // Empty: no cache of compiled modules in the user's home.
        // SAFETY: the caller guarantees that no other thread reads the environment.
        unsafe { std::env::set_var("EXTISM_CACHE_CONFIG", "") };
        // SAFETY: the library is Extism's, and nothing runs when it is opened or closed.
        let library = unsafe { libloading::Library::new(&path) }.context("cannot open Extism's library")?;
        // Never closed: a thread of its own runs in it.
        let library = Box::leak(Box::new(library));
        // SAFETY: the types are those of `extism.h`, release 1.41.0, where a size is 64 bits wide.
        unsafe {
            Ok(Self {
                compile: *library.get("extism_compiled_plugin_new")?,
                instantiate: *library.get("extism_plugin_new_from_compiled")?,
                call: *library.get("extism_plugin_call")?,
                output_length: *library.get("extism_plugin_output_length")?,
                output_data: *library.get("extism_plugin_output_data")?,
                error: *library.get("extism_plugin_error")?,
                free_compiled: *library.get("extism_compiled_plugin_free")?,
                free_plugin: *library.get("extism_plugin_free")?,
                free_message: *library.get("extism_plugin_new_error_free")?,
            })
        }
    }

    /// Compiles the module of a manifest, which is JSON, without host functions and without WASI.
    pub(crate) fn compile(&self, manifest: &str) -> Result<Compiled<'_>> {
        let mut message = null_mut();
        // SAFETY: the manifest lives through the call, and there are no functions to read.
        let pointer =
            unsafe { (self.compile)(manifest.as_ptr(), manifest.len() as u64, null(), 0, false, &raw mut message) };
        Ok(Compiled { library: self, pointer: self.checked(pointer, message)? })
    }

    /// The pointer that a constructor returned, or its error message.
    fn checked(&self, pointer: *mut c_void, message: *mut c_char) -> Result<NonNull<c_void>> {
        if let Some(pointer) = NonNull::new(pointer) {
            return Ok(pointer);
        }
        if message.is_null() {
            bail!("Extism did not return a message");
        }
        // SAFETY: a message that is set is a C string, and ours to free.
        let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
        // SAFETY: as above; `text` is a copy.
        unsafe { (self.free_message)(message) };
        bail!("Extism: {text}")
    }
}

impl Compiled<'_> {
    /// Makes a new plugin with its own memory.
    pub(crate) fn instantiate(&self) -> Result<Plugin<'_>> {
        let mut message = null_mut();
        // SAFETY: the pointer is valid until `self` is dropped.
        let pointer = unsafe { (self.library.instantiate)(self.pointer.as_ptr(), &raw mut message) };
        Ok(Plugin { library: self.library, pointer: self.library.checked(pointer, message)? })
    }
}

impl Drop for Compiled<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `compile`, and freed once.
        unsafe { (self.library.free_compiled)(self.pointer.as_ptr()) };
    }
}

impl Plugin<'_> {
    /// Calls a function. The output is valid until the next call.
    pub(crate) fn call(&mut self, function: &CStr, input: &[u8]) -> Result<&[u8]> {
        let plugin = self.pointer.as_ptr();
        // SAFETY: the plugin is valid until `self` is dropped, and name and input live through the call.
        let code = unsafe { (self.library.call)(plugin, function.as_ptr(), input.as_ptr(), input.len() as u64) };
        if code != 0 {
            // SAFETY: the plugin is valid.
            let message = unsafe { (self.library.error)(plugin) };
            if message.is_null() {
                bail!("Extism: the call returned {code}");
            }
            // SAFETY: a message that is set is a C string that lives as long as the plugin is not called.
            bail!("Extism: {}", unsafe { CStr::from_ptr(message) }.to_string_lossy());
        }
        // SAFETY: the plugin is valid.
        let (data, length) = unsafe { ((self.library.output_data)(plugin), (self.library.output_length)(plugin)) };
        if data.is_null() {
            return Ok(&[]);
        }
        // SAFETY: so many bytes are at `data` until the next call, which needs `self` as this borrow does.
        Ok(unsafe { std::slice::from_raw_parts(data, usize::try_from(length)?) })
    }
}

impl Drop for Plugin<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `instantiate`, and freed once.
        unsafe { (self.library.free_plugin)(self.pointer.as_ptr()) };
    }
}
