//! From a component to machine code: from the cache, from a compiler in a process of its own, or made here.

use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::blocking::block_on;
use crate::cache::Cache;
use crate::compiler::{CompilerProcess, Failure, Order};
use crate::digest::Digest;
use crate::engine::{Pool, Strategy};
use crate::error::LoadError;
use crate::fault::chain;
use crate::host::Host;
use crate::limits::HostLimits;
use crate::precompiled::MachineCode;
use crate::room::Room;
use crate::source::Source;
use crate::text::clip;

/// How one host compiles.
pub(crate) struct Compilation {
    pub(crate) cache: Option<Cache>,
    process: Option<CompilerProcess>,
    /// Each compiler may take a processor and [`HostLimits::compiler_bytes`].
    room: Room,
}

impl Compilation {
    pub(crate) fn new(limits: &HostLimits, cache: Option<Cache>, process: Option<CompilerProcess>) -> Self {
        Self { cache, process, room: Room::new(limits.compilers, limits.queue) }
    }

    /// Machine code for a component.
    pub(crate) fn component(
        &self,
        host: &Host,
        pool: Pool,
        strategy: Strategy,
        source: &Source<'_>,
    ) -> Result<Component, LoadError> {
        let sandbox = host.sandbox(pool, strategy).map_err(LoadError::DoesNotFit)?;
        let key = component_key(source.digest(), sandbox.fingerprint);
        if let Some(component) = self.cached(&sandbox.engine, key) {
            return Ok(component);
        }
        let bytes = &*source.read().map_err(|error| LoadError::Compile(format!("cannot be read again: {error}")))?;
        let code = match &self.process {
            Some(process) => self.in_a_process(process, host, Order::new(pool, strategy, host.limits()), bytes)?,
            None if self.cache.is_some() => {
                sandbox.engine.precompile_component(bytes).map_err(|error| refusal(&error))?
            }
            None => return Component::from_binary(&sandbox.engine, bytes).map_err(|error| refusal(&error)),
        };
        self.loaded(&sandbox.engine, key, code).map_err(|error| refusal(&error))
    }

    /// The best machine code of a component, if it is in the cache.
    pub(crate) fn cached_component(&self, host: &Host, pool: Pool, source: &Source<'_>) -> Option<Component> {
        self.cache.as_ref()?;
        let sandbox = host.sandbox(pool, Strategy::Optimized).ok()?;
        self.cached(&sandbox.engine, component_key(source.digest(), sandbox.fingerprint))
    }

    /// The machine code of a key, if it is in the cache.
    pub(crate) fn cached(&self, engine: &Engine, key: Digest) -> Option<Component> {
        let entry = self.cache.as_ref()?.find(key)?;
        // Stale code is refused here, and made again.
        MachineCode::File(entry.files.into_iter().next()?).component(engine).ok()
    }

    /// Keeps machine code in the cache, and loads it from there; from memory if the cache does not keep it.
    fn loaded(&self, engine: &Engine, key: Digest, code: Vec<u8>) -> wasmtime::Result<Component> {
        let stored = self.cache.as_ref().and_then(|cache| cache.store(key, &[&code], "").ok());
        let file = stored.and_then(|entry| entry.files.into_iter().next());
        match file.and_then(|file| MachineCode::File(file).component(engine).ok()) {
            Some(component) => Ok(component),
            None => MachineCode::Bytes(code).component(engine),
        }
    }

    fn in_a_process(
        &self,
        process: &CompilerProcess,
        host: &Host,
        order: Order,
        bytes: &[u8],
    ) -> Result<Vec<u8>, LoadError> {
        let limits = host.limits();
        let end = Instant::now() + limits.compiler_time;
        let stopped = LoadError::CompilerStopped;
        let _room = block_on(self.room.enter(1, end))
            .flatten()
            .map_err(|fault| stopped(format!("no compiler was free: {} (`HostLimits::compilers`)", fault.detail)))?;
        let time = end.saturating_duration_since(Instant::now());
        process.compile(order, bytes, time, limits.code_bytes).map_err(|failure| match failure {
            Failure::Refused(text) => refused(text),
            Failure::Stopped(text) => stopped(text),
        })
    }
}

/// Under what the machine code of a component is kept.
pub(crate) fn component_key(component: Digest, fingerprint: Digest) -> Digest {
    Digest::of_parts([b"component".as_slice(), component.as_bytes(), fingerprint.as_bytes()])
}

fn refusal(error: &wasmtime::Error) -> LoadError {
    if let Some(invalid) = error.downcast_ref::<wasmparser::BinaryReaderError>() {
        return LoadError::Invalid { offset: invalid.offset(), reason: clip(invalid.message()) };
    }
    refused(chain(error))
}

fn refused(text: String) -> LoadError {
    match invalid_code(&text).or_else(|| invalid_component(&text)) {
        Some((offset, reason)) => LoadError::Invalid { offset, reason },
        None if text.contains("pooling allocator") => LoadError::DoesNotFit(text),
        None => LoadError::Compile(text),
    }
}

/// Where and why a function's body is invalid, in the words of a compiler that keeps it to a text.
fn invalid_code(text: &str) -> Option<(usize, String)> {
    let (_, place) = text.split_once("Invalid input WebAssembly code at offset ")?;
    let (offset, reason) = place.split_once(": ")?;
    Some((offset.parse().ok()?, reason.to_owned()))
}

/// The same of everything else, in the words of a compiler in another process.
fn invalid_component(text: &str) -> Option<(usize, String)> {
    let (reason, place) = text.rsplit_once(" (at offset 0x")?;
    let offset = usize::from_str_radix(place.strip_suffix(')')?, 16).ok()?;
    let reason = reason.strip_prefix("failed to parse WebAssembly module: ").unwrap_or(reason);
    Some((offset, reason.to_owned()))
}
